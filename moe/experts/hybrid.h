// Hybrid: a local view, gated channel by channel by what the whole image contains.  The gate is that of
// Hu, Shen, Sun 2018, "Squeeze-and-excitation networks", arXiv:1709.01507.  Cost a pixel: 2 C^2 + 25 C.
#pragma once

#include <algorithm>

#include "moe/experts.h"

namespace camo::moe {

struct HybridExpert : Expert {
  nn::DepthwiseConv2d filter;
  Pointwise local;
  nn::Linear squeeze, excite;
  Pointwise fuse;

  HybridExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        filter(sub("filter"), dim, 5),
        local(sub("local"), dim, dim),
        squeeze(sub("squeeze"), dim, std::max<int64_t>(dim / 16, 1)),
        excite(sub("excite"), std::max<int64_t>(dim / 16, 1), dim),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    Var gate = sigmoid(excite.forward(gelu(squeeze.forward(mean(x, {1, 2}, /*keep=*/true)))));
    return fuse.forward(local.forward(filter.forward(x)) * gate);
  }
};

}  // namespace camo::moe
