// What the modules of a network have measured in a micro-batch, for a step that several processes share: the statistics of
// batch norm, the choices of routers.  Each process folds all of them into its buffers in the order of the micro-batches.
#pragma once

#include <string_view>

#include "nn/module.h"

namespace camo::nn {

/// By the module's place in modules(root): one list of tensors for each of its forward passes.
using Measures = std::vector<std::pair<int64_t, std::vector<std::vector<Tensor>>>>;

/// A module and all below it, parents first.
std::vector<Module*> modules(Module& root);
/// Takes what has been measured since the last call, if root.state().keep_measures.
Measures take_measures(Module& root);
/// Drops what is staged, and stages what all micro-batches of a step have measured, in their order.
void fold_measures(Module& root, const std::vector<Measures>& micro_batches);

void pack_measures(std::string& bytes, const Measures& measures);
Measures unpack_measures(std::string_view& bytes);

}  // namespace camo::nn
