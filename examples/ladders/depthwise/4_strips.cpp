// Rung 4: a strip of neighbouring outputs, so that what is loaded is used several times.
//
// Eight outputs of a row need 14 inputs of each kernel row.  With the seven weights of that row in registers, each input is loaded once and
// meets up to seven outputs: 21 loads for 56 multiply-adds instead of 112.
#include <algorithm>

#include "examples/ladders/depthwise/depthwise.h"

namespace camo::ladder {
namespace {

using V = Vec<float>;
constexpr int64_t kStrip8 = 8;

/// Outputs [j, j + kStrip8) of row i, `lanes` channels from c; kInside: all taps of them are within the row.
template <bool kInside> void strip(const Depthwise& d, int64_t i, int64_t j, int64_t c, int lanes) {
  V sums[kStrip8];
  for (V& sum : sums) sum = V(0);
  for (int64_t u = std::max<int64_t>(0, kHalf - i); u < std::min(kSide, d.H + kHalf - i); ++u) {
    const float* row = d.x + (i + u - kHalf) * d.W * d.C + c;
    V w[kSide];
    for (int64_t v = 0; v < kSide; ++v) w[v] = V::load(d.w + (u * kSide + v) * d.C + c, lanes);
#pragma GCC unroll 14
    for (int64_t k = 0; k < kStrip8 + kSide - 1; ++k) {
      const int64_t at = j + k - kHalf;
      if (!kInside && (at < 0 || at >= d.W)) continue;
      const V x = V::load(row + at * d.C, lanes);
#pragma GCC unroll 7
      for (int64_t v = 0; v < kSide; ++v)
        if (k - v >= 0 && k - v < kStrip8) sums[k - v] += x * w[v];
    }
  }
  for (int64_t k = 0; k < std::min(kStrip8, d.W - j); ++k) sums[k].store(d.y + (i * d.W + j + k) * d.C + c, lanes);
}

}  // namespace

void depthwise_row(const Depthwise& d, int64_t i) {
  for (int64_t c = 0; c < d.C; c += V::size) {
    const int lanes = int(std::min<int64_t>(V::size, d.C - c));
    for (int64_t j = 0; j < d.W; j += kStrip8)
      if (j >= kHalf && j + kStrip8 + kHalf <= d.W) strip<true>(d, i, j, c, lanes);
      else strip<false>(d, i, j, c, lanes);
  }
}

void depthwise_4_strips(const Depthwise& d) {
  for (int64_t i = 0; i < d.H; ++i) depthwise_row(d, i);
}

}  // namespace camo::ladder
