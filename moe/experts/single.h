// Single: one dense expert that costs as much as K sparse ones, the baseline that a mixture has to beat.  The block is
// that of Liu et al. 2022, "A ConvNet for the 2020s", arXiv:2201.03545.  Cost per pixel: 2 K C^2 + 49 C.
#pragma once

#include "moe/experts.h"

namespace camo::moe {

struct SingleExpert : Expert {
  nn::DepthwiseConv2d filter;
  Pointwise widen, fuse;

  SingleExpert(nn::Scope s, int64_t dim, int64_t worth)
      : Expert(std::move(s)),
        filter(sub("filter"), dim, 7),
        widen(sub("widen"), dim, worth * dim),
        fuse(sub("fuse"), worth * dim, dim) {}

  Var forward(const Var& x) override { return fuse.forward(widen.forward(filter.forward(x))); }
};

}  // namespace camo::moe
