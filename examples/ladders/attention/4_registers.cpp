// Rung 4: several queries at a time, so that what is loaded is used several times.
//
// Both products of a tile are small matrix products now: R rows of queries or probabilities, and sums in registers.  A vector
// of keys, or of V, serves R multiply-adds.  This is the whole method of Camo's kernel (tensor/cpu/kernels/attention.h).
#include "examples/ladders/attention/tile.h"

namespace camo::ladder {
namespace {

constexpr int64_t kRows = 8;

/// c[r][0, V vectors) += sum over t < T of x[r * ldx + t] m[t * ldm + ...].
template <int V>
void product(const float* x, int64_t ldx, const float* m, int64_t ldm, int64_t T, float* c, int64_t ldc) {
  Vec<float> sums[kRows][V];
  for (int64_t r = 0; r < kRows; ++r)
    for (int v = 0; v < V; ++v) sums[r][v] = Vec<float>::load(c + r * ldc + v * kLanes);
  for (int64_t t = 0; t < T; ++t) {
    Vec<float> right[V];
    for (int v = 0; v < V; ++v) right[v] = Vec<float>::load(m + t * ldm + v * kLanes);
    for (int64_t r = 0; r < kRows; ++r)
      for (int v = 0; v < V; ++v) sums[r][v] += Vec<float>(x[r * ldx + t]) * right[v];
  }
  for (int64_t r = 0; r < kRows; ++r)
    for (int v = 0; v < V; ++v) sums[r][v].store(c + r * ldc + v * kLanes);
}

}  // namespace

void attention_rows(const Attention& a, const Packed& packed, int64_t begin, int64_t end) {
  const int64_t N = a.N, D = a.D, whole = padded(N), width = packed.width;
  std::vector<float> q(size_t(kRows * D)), y(size_t(kRows * width)), s(kRows * kKeys);
  for (int64_t i = begin; i < end; i += kRows) {
    const int64_t rows = std::min(kRows, end - i);
    std::copy_n(a.Q + i * D, rows * D, q.begin());
    std::fill(y.begin(), y.end(), 0.0f);
    Running run[kRows];
    for (int64_t j = 0; j < whole; j += kKeys) {
      std::fill(s.begin(), s.end(), 0.0f);
      for (int64_t t = 0; t < kKeys; t += 2 * kLanes)
        product<2>(q.data(), D, &packed.keys[size_t(j + t)], whole, D, &s[size_t(t)], kKeys);
      for (int64_t r = 0; r < kRows; ++r) {
        const float shrink = softmax_tile(&s[size_t(r * kKeys)], std::min(kKeys, N - j), D, run[r]);
        for (int64_t d = 0; d < D; ++d) y[size_t(r * width + d)] *= shrink;
      }
      for (int64_t d = 0; d < width; d += kLanes)
        product<1>(s.data(), kKeys, &packed.values[size_t(j * width + d)], width, kKeys, &y[size_t(d)], width);
    }
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t d = 0; d < D; ++d) a.Y[(i + r) * D + d] = y[size_t(r * width + d)] / run[r].total;
  }
}

void attention_4_registers(const Attention& a) { attention_rows(a, Packed(a), 0, a.N); }

}  // namespace camo::ladder
