// Recomputation by blocks: the forward pass keeps the inputs of a block and nothing inside it; the backward pass runs
// the block again first.  It takes about a third more time, and changes no bit of any gradient.
//
//   x = run_block(*block, x);   // a parent calls a block like this, in place of block->forward(x)
//   net.recompute();            // asks for it everywhere in net; net must outlive the graph
//
// What counts, draws or decides (routers, statistics, listeners) stays outside of blocks, or asks recomputing().
#pragma once

#include <concepts>

#include "autograd/checkpoint.h"
#include "nn/module.h"

namespace camo::nn {

/// f(inputs), where `owners` hold every parameter that f uses.  It is recomputed in training if the first of them
/// recomputes() and an input or a parameter of theirs has a gradient.  A block within a block is a part of it.
Var recomputed(const std::vector<const Module*>& owners, const std::function<Var(const Vars&)>& f, const Vars& inputs);

/// block.forward(x...), recomputed like the above.
template <class Block, std::same_as<Var>... X> Var run_block(Block& block, const X&... x) {
  auto forward = [&block]<size_t... I>(const Vars& in, std::index_sequence<I...>) { return block.forward(in[I]...); };
  return recomputed({&block}, [=](const Vars& in) { return forward(in, std::index_sequence_for<X...>()); }, {x...});
}

}  // namespace camo::nn
