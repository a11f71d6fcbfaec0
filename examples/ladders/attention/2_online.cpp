// Rung 2: the softmax is computed while the keys pass by, so that no score is kept.
//
// A query keeps the largest score m so far, the sum l of exp(s - m), and the sum y of exp(s - m) v.  When a score beats m, l and y
// shrink by exp(m - s) and go on as if s had been known from the start (Milakov, Gimelshein 2018).  At the end y / l is the
// row.  Memory falls from N^2 to D numbers.  Time hardly falls: each score is still a sum of its own, without vectors, and
// its exponential is a call.
#include <algorithm>
#include <cmath>
#include <limits>

#include "examples/ladders/attention/attention.h"

namespace camo::ladder {

void attention_2_online(const Attention& a) {
  const int64_t N = a.N, D = a.D;
  const float scale = 1 / std::sqrt(float(D));
  for (int64_t i = 0; i < N; ++i) {
    float m = -std::numeric_limits<float>::infinity(), l = 0, *y = a.Y + i * D;
    std::fill_n(y, D, 0.0f);
    for (int64_t j = 0; j < N; ++j) {
      float s = 0;
      for (int64_t d = 0; d < D; ++d) s += a.Q[i * D + d] * a.K[j * D + d];
      s *= scale;
      if (s > m) {
        const float shrink = std::exp(m - s);
        l *= shrink;
        for (int64_t d = 0; d < D; ++d) y[d] *= shrink;
        m = s;
      }
      const float p = std::exp(s - m);
      l += p;
      for (int64_t d = 0; d < D; ++d) y[d] += p * a.V[j * D + d];
    }
    for (int64_t d = 0; d < D; ++d) y[d] /= l;
  }
}

}  // namespace camo::ladder
