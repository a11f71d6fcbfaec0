#include "moe/heads.h"

namespace camo::moe {

ConvBlock::ConvBlock(nn::Scope s, int64_t in, int64_t out, int64_t kernel, const ConvBlockOptions& o)
    : Module(std::move(s)),
      conv(sub("conv"), in, out, kernel, {.padding = kernel / 2, .bias = o.bias, .init = nn::Init::fan_out}),
      norm(sub("norm"), out) {}

Var to_logits(nn::Linear& head, const Var& x) {
  Var z = head.forward(x);
  return z.dtype() == DType::bf16 ? cast(z, DType::f32) : z;
}

Search::Search(nn::Scope s, int64_t dim)
    : Module(std::move(s)),
      look(sub("look"), sub("look_again"), dim, dim / 2, dim / 2),
      head(sub("head"), dim / 2, 1),
      identify(sub("identify"), dim, dim, 3),
      mix(sub("mix"), dim, dim, 1) {}

std::pair<Var, Var> Search::forward(const Var& x) {
  Var logits = to_logits(head, look.forward(x));
  Var there = cast(sigmoid(logits), x.dtype());
  return {x + mix.forward(identify.forward(x)) * there, logits};
}

ReverseAttention::ReverseAttention(nn::Scope s, int64_t dim)
    : Module(std::move(s)),
      squeeze(sub("squeeze"), sub("squeeze_again"), dim, dim / 2, dim / 4),
      background(sub("background"), dim / 4, 1),
      refine(sub("refine"), sub("refine_again"), dim + 1, dim, dim) {}

std::pair<Var, Var> ReverseAttention::forward(const Var& x) {
  Var object = -to_logits(background, squeeze.forward(x));
  Var elsewhere = cast(sigmoid(object), x.dtype());
  Var seen = refine.forward(concat({x, 1.0 - elsewhere}, -1));
  return {x + seen * elsewhere, object};
}

BoundaryUncertainty::BoundaryUncertainty(nn::Scope s, int64_t dim)
    : Module(std::move(s)),
      shared(sub("shared"), dim, dim, 3),
      mean_block(sub("mean_block"), dim, dim / 2, 3),
      unsure_block(sub("unsure_block"), dim, dim / 2, 3),
      mean(sub("mean"), dim / 2, 1),
      unsure(sub("unsure"), dim / 2, 1) {}

std::pair<Var, Var> BoundaryUncertainty::forward(const Var& x) {
  Var y = shared.forward(x);
  Var u = softplus(to_logits(unsure, unsure_block.forward(y))) + kLeast;
  return {to_logits(mean, mean_block.forward(y)), u};
}

Refinement::Step::Step(nn::Scope s, int64_t dim)
    : Module(std::move(s)),
      look(sub("look"), sub("look_again"), dim + 2, dim, dim),
      correction(sub("correction"), dim, 1) {}

Var Refinement::Step::forward(const Var& x, const Var& logits, const Var& unsure) {
  Var seen = look.forward(concat({x, cast(logits, x.dtype()), unsure}, -1));
  return logits + to_logits(correction, seen * (unsure + 1));
}

Refinement::Refinement(nn::Scope s, int64_t dim, int count) : Module(std::move(s)), steps(sub("steps")) {
  for (int i = 0; i < count; ++i) steps.add(dim);
}

std::vector<Var> Refinement::forward(const Var& x, const Var& logits, const Var& u) {
  Var unsure = cast(u / max(u, {1, 2}, /*keep=*/true), x.dtype());
  std::vector<Var> out;
  for (auto& step : steps) out.push_back(step->forward(x, out.empty() ? logits : out.back(), unsure));
  return out;
}

}  // namespace camo::moe
