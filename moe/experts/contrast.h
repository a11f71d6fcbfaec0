// Contrast: how a pixel differs from its surround, beside what its neighbourhood looks like.
// Cost a pixel: 2 C^2 + 9 C, and the sums of one pooling.
#pragma once

#include "moe/experts.h"

namespace camo::moe {

struct ContrastExpert : Expert {
  nn::DepthwiseConv2d filter;
  Pointwise detail, contrast, fuse;

  ContrastExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)), filter(sub("filter"), dim, 3), detail(sub("detail"), dim, dim / 2),
        contrast(sub("contrast"), dim, dim - dim / 2), fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    Var surround = avg_pool(x, {.kernel = 5, .stride = 1, .padding = 2});
    return fuse.forward(concat({detail.forward(filter.forward(x)), contrast.forward(x - surround)}, -1));
  }
};

}  // namespace camo::moe
