// Rung 1, the definition: the matrix of scores, its softmax, and the product with V.
//
// Three passes over N^2 numbers.  Each row of scores fits the cache, but the rows are written, read back, written and read back.
#include <algorithm>
#include <cmath>
#include <vector>

#include "examples/ladders/attention/attention.h"

namespace camo::ladder {

void attention_1_matrix(const Attention& a) {
  const int64_t N = a.N, D = a.D;
  const float scale = 1 / std::sqrt(float(D));
  std::vector<float> S(size_t(N * N));
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = 0; j < N; ++j) {
      float sum = 0;
      for (int64_t d = 0; d < D; ++d) sum += a.Q[i * D + d] * a.K[j * D + d];
      S[size_t(i * N + j)] = sum * scale;
    }
  for (int64_t i = 0; i < N; ++i) {
    float *row = &S[size_t(i * N)], top = *std::max_element(row, row + N), total = 0;
    for (int64_t j = 0; j < N; ++j) total += row[j] = std::exp(row[j] - top);
    for (int64_t j = 0; j < N; ++j) row[j] /= total;
  }
  std::fill_n(a.Y, N * D, 0.0f);
  for (int64_t i = 0; i < N; ++i)
    for (int64_t j = 0; j < N; ++j)
      for (int64_t d = 0; d < D; ++d) a.Y[i * D + d] += S[size_t(i * N + j)] * a.V[j * D + d];
}

}  // namespace camo::ladder
