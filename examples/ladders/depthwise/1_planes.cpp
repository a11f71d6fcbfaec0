// Rung 1: the definition, one channel after another.
//
// A channel's pixels are C numbers apart, so each load brings a line of 64 bytes into the cache and uses 4 of them.
#include "examples/ladders/depthwise/depthwise.h"

namespace camo::ladder {

void depthwise_1_planes(const Depthwise& d) {
  for (int64_t c = 0; c < d.C; ++c)
    for (int64_t i = 0; i < d.H; ++i)
      for (int64_t j = 0; j < d.W; ++j) {
        float sum = 0;
        for (int64_t u = 0; u < kSide; ++u)
          for (int64_t v = 0; v < kSide; ++v) {
            const int64_t h = i + u - kHalf, w = j + v - kHalf;
            if (h >= 0 && w >= 0 && h < d.H && w < d.W)
              sum += d.x[(h * d.W + w) * d.C + c] * d.w[(u * kSide + v) * d.C + c];
          }
        d.y[(i * d.W + j) * d.C + c] = sum;
      }
}

}  // namespace camo::ladder
