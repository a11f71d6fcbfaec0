// Rung 2: sixteen sums side by side instead of one.
//
// Now neighbouring additions do not wait for each other, and the compiler makes vectors of them.  It is another order of the terms,
// so other bits; and a fixed one, so the same bits in every run.
#include <cmath>

#include "examples/ladders/norm/norm.h"

namespace camo::ladder {
namespace {

constexpr int64_t kSums = 16;

/// The sum of f(c) for c in [0, C).
template <class F> float sum(int64_t C, const F& f) {
  float sums[kSums] = {}, out = 0;
  int64_t c = 0;
  for (; c + kSums <= C; c += kSums)
    for (int64_t k = 0; k < kSums; ++k) sums[k] += f(c + k);
  for (; c < C; ++c) sums[0] += f(c);
  for (float s : sums) out += s;
  return out;
}

}  // namespace

void norm_2_lanes(const Norm& n) {
  for (int64_t r = 0; r < n.rows; ++r) {
    const float* x = n.x + r * n.C;
    const float mean = sum(n.C, [&](int64_t c) { return x[c]; }) / float(n.C);
    const float variance = sum(n.C, [&](int64_t c) { return (x[c] - mean) * (x[c] - mean); }) / float(n.C);
    const float scale = 1 / std::sqrt(variance + kEps);
    for (int64_t c = 0; c < n.C; ++c) n.y[r * n.C + c] = (x[c] - mean) * scale * n.gain[c] + n.bias[c];
  }
}

}  // namespace camo::ladder
