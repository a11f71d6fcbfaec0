// Frequency: low, middle and high bands, made of differences of box means.  What the eye loses in one band
// often stands out in another.  Cost a pixel: 2 C^2, and the sums of two poolings.
#pragma once

#include "moe/experts.h"

namespace camo::moe {

struct FrequencyExpert : Expert {
  Pointwise low, mid, high, all, fuse;

  FrequencyExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        low(sub("low"), dim, dim / 4),
        mid(sub("mid"), dim, dim / 4),
        high(sub("high"), dim, dim / 4),
        all(sub("all"), dim, dim - 3 * (dim / 4)),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    Var smooth = avg_pool(x, {.kernel = 3, .stride = 1, .padding = 1});
    Var smoother = avg_pool(x, {.kernel = 5, .stride = 1, .padding = 2});
    return fuse.forward(concat(
        {low.forward(smooth), mid.forward(smooth - smoother), high.forward(x - smooth), all.forward(x)}, -1));
  }
};

}  // namespace camo::moe
