// Rung 6: B is copied once, so that a tile reads it from one end to the other.
//
// The copy touches K N numbers once; M / R tiles read each of them.  A range of k of a panel (64 columns, 256 steps: 64 KiB)
// then stays in the second cache, or the first, while the rows of A pass by; between two ranges the sums wait in C.
#include <algorithm>

#include "examples/ladders/product/packed.h"

namespace camo::ladder {
namespace {

constexpr int64_t kDepth = 256;  // k of one range

/// Adds `depth` steps of k to a tile of C, or starts it if `first`.
template <int R>
void tile(const float* a, int64_t lda, const float* b, int64_t depth, float* c, int64_t ldc, bool first) {
  Vec<float> sums[R][kTileVecs];
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < kTileVecs; ++v) sums[r][v] = first ? Vec<float>(0) : Vec<float>::load(c + r * ldc + v * kLanes);
  for (int64_t k = 0; k < depth; ++k, b += kStrip) {
    Vec<float> right[kTileVecs];
    for (int v = 0; v < kTileVecs; ++v) right[v] = Vec<float>::load(b + v * kLanes);
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < kTileVecs; ++v) sums[r][v] += Vec<float>(a[r * lda + k]) * right[v];
  }
  for (int r = 0; r < R; ++r)
    for (int v = 0; v < kTileVecs; ++v) sums[r][v].store(c + r * ldc + v * kLanes);
}

}  // namespace

void product_block(const Product& p, const float* packed, int64_t begin, int64_t end) {
  const int64_t panels = p.N / kStrip;
  for (int64_t j = 0; j < panels; ++j)
    for (int64_t k = 0; k < p.K; k += kDepth) {
      const float* b = packed + (j * p.K + k) * kStrip;
      const int64_t depth = std::min(kDepth, p.K - k);
      int64_t i = begin;
      for (; i + kTileRows <= end; i += kTileRows)
        tile<kTileRows>(p.A + i * p.K + k, p.K, b, depth, p.C + i * p.N + j * kStrip, p.N, k == 0);
      for (; i < end; ++i) tile<1>(p.A + i * p.K + k, p.K, b, depth, p.C + i * p.N + j * kStrip, p.N, k == 0);
    }
  product_rest(p, begin, end, panels * kStrip);
}

void product_6_packed(const Product& p) { product_block(p, Packed(p).numbers, 0, p.M); }

}  // namespace camo::ladder
