// Rung 2: channels innermost, as they lie in memory.
//
// The loop over c is one of vectors now.  But y is loaded and stored again for every tap: three memory accesses a multiply-add.
#include <algorithm>

#include "examples/ladders/depthwise/depthwise.h"

namespace camo::ladder {

void depthwise_2_channels(const Depthwise& d) {
  for (int64_t i = 0; i < d.H; ++i)
    for (int64_t j = 0; j < d.W; ++j) {
      float* y = d.y + (i * d.W + j) * d.C;
      std::fill_n(y, d.C, 0.0f);
      for (int64_t u = std::max<int64_t>(0, kHalf - i); u < std::min(kSide, d.H + kHalf - i); ++u)
        for (int64_t v = std::max<int64_t>(0, kHalf - j); v < std::min(kSide, d.W + kHalf - j); ++v) {
          const float *x = d.x + ((i + u - kHalf) * d.W + j + v - kHalf) * d.C, *w = d.w + (u * kSide + v) * d.C;
          for (int64_t c = 0; c < d.C; ++c) y[c] += x[c] * w[c];
        }
    }
}

}  // namespace camo::ladder
