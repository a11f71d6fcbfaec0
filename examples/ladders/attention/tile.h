// What rungs 3 to 5 share: transposed keys, and the running softmax over one tile of scores.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "examples/ladders/attention/attention.h"
#include "tensor/cpu/kernels/attention_tile.h"
#include "tensor/scalar/integer.h"

namespace camo::ladder {

constexpr int64_t kLanes = Vec<float>::size, kKeys = 128;  // keys of a tile

inline int64_t padded(int64_t N) { return round_up(N, kKeys); }

/// (D, padded N): row d holds channel d of every key, then zeros.
inline std::vector<float> transposed_keys(const Attention& a) {
  std::vector<float> out(size_t(a.D * padded(a.N)), 0.0f);
  for (int64_t j = 0; j < a.N; ++j)
    for (int64_t d = 0; d < a.D; ++d) out[size_t(d * padded(a.N) + j)] = a.K[j * a.D + d];
  return out;
}

/// The running softmax of one query: the largest score so far, and the sum of exp(score - top).
struct Running {
  float top = -std::numeric_limits<float>::infinity(), total = 0;
};

/// Replaces the first n of kKeys products q k by exp(score - top), the others by 0.  Returns what earlier sums shrink by.
inline float softmax_tile(float* s, int64_t n, int64_t D, Running& run) {
  const float scale = 1 / std::sqrt(float(D)), before = run.top;
  std::fill(s + n, s + kKeys, -std::numeric_limits<float>::infinity());
  Vec<float> best(before / scale), sum(0);
  for (int64_t t = 0; t < kKeys; t += kLanes) best = max(Vec<float>::load(s + t), best);
  run.top = scale * lane_max(best);
  const Vec<float> top(run.top * float(kernel::kLog2e)), factor(scale * float(kernel::kLog2e));
  for (int64_t t = 0; t < kKeys; t += kLanes) {
    const Vec<float> p = kernel::exp2_negative(Vec<float>::load(s + t) * factor - top);
    p.store(s + t);
    sum += p;
  }
  std::fill(s + n, s + kKeys, 0.0f);
  const float shrink = run.total > 0 ? std::exp(before - run.top) : 0.0f;
  run.total = run.total * shrink + lane_sum(sum);
  return shrink;
}

/// Keys transposed, and values in rows of whole vectors, zeros behind the last.
struct Packed {
  std::vector<float> keys, values;
  int64_t width;  // of a row of values
  explicit Packed(const Attention& a)
      : keys(transposed_keys(a)),
        values(size_t(padded(a.N) * round_up(a.D, kLanes)), 0.0f),
        width(round_up(a.D, kLanes)) {
    for (int64_t j = 0; j < a.N; ++j) std::copy_n(a.V + j * a.D, a.D, &values[size_t(j * width)]);
  }
};

/// Queries [begin, end) with sums in registers (rung 4).
void attention_rows(const Attention& a, const Packed& packed, int64_t begin, int64_t end);

}  // namespace camo::ladder
