// Rung 3: the sums of some channels stay in registers over all 49 taps.
//
// Two loads a multiply-add, one of x and one of w, and the processor has two loads a cycle for its two multiply-adds.
#include <algorithm>

#include "examples/ladders/depthwise/depthwise.h"

namespace camo::ladder {

void depthwise_3_registers(const Depthwise& d) {
  using V = Vec<float>;
  constexpr int64_t kVecs = 4;
  for (int64_t i = 0; i < d.H; ++i)
    for (int64_t j = 0; j < d.W; ++j)
      for (int64_t c = 0; c < d.C; c += kVecs * V::size) {
        V sums[kVecs] = {V(0), V(0), V(0), V(0)};
        int lanes[kVecs];
        for (int64_t k = 0; k < kVecs; ++k) lanes[k] = int(std::clamp<int64_t>(d.C - c - k * V::size, 0, V::size));
        for (int64_t u = std::max<int64_t>(0, kHalf - i); u < std::min(kSide, d.H + kHalf - i); ++u)
          for (int64_t v = std::max<int64_t>(0, kHalf - j); v < std::min(kSide, d.W + kHalf - j); ++v) {
            const float* x = d.x + ((i + u - kHalf) * d.W + j + v - kHalf) * d.C + c;
            const float* w = d.w + (u * kSide + v) * d.C + c;
            for (int64_t k = 0; k < kVecs; ++k)
              sums[k] += V::load(x + k * V::size, lanes[k]) * V::load(w + k * V::size, lanes[k]);
          }
        for (int64_t k = 0; k < kVecs; ++k) sums[k].store(d.y + (i * d.W + j) * d.C + c + k * V::size, lanes[k]);
      }
}

}  // namespace camo::ladder
