// Rung 3: a tile of keys at a time, with vectors.
//
// The keys are transposed once, so that a vector holds the scores of one query and neighbouring keys, and so that the
// exponential takes a whole vector: a polynomial instead of a call.  m and the shrinking come once a tile instead of once a key.
// Left to win: each vector of keys that is loaded serves one multiply-add, as in rung 4 of the product.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "examples/ladders/attention/tile.h"

namespace camo::ladder {

void attention_3_tiles(const Attention& a) {
  const int64_t N = a.N, D = a.D, whole = padded(N);
  const std::vector<float> keys = transposed_keys(a);
  for (int64_t i = 0; i < N; ++i) {
    alignas(64) float s[kKeys];
    float* y = a.Y + i * D;
    Running run;
    std::fill_n(y, D, 0.0f);
    for (int64_t j = 0; j < whole; j += kKeys) {
      for (int64_t t = 0; t < kKeys; t += kLanes) {
        Vec<float> sum(0);
        for (int64_t d = 0; d < D; ++d)
          sum += Vec<float>(a.Q[i * D + d]) * Vec<float>::load(&keys[size_t(d * whole + j + t)]);
        sum.store(s + t);
      }
      const int64_t n = std::min(kKeys, N - j);
      const float shrink = softmax_tile(s, n, D, run);
      for (int64_t d = 0; d < D; ++d) y[d] *= shrink;
      for (int64_t t = 0; t < n; ++t)
        for (int64_t d = 0; d < D; ++d) y[d] += s[t] * a.V[(j + t) * D + d];
    }
    for (int64_t d = 0; d < D; ++d) y[d] /= run.total;
  }
}

}  // namespace camo::ladder
