// Rung 4: the sums stay in registers while k runs.
//
// One row of A times a strip of B: a few vectors of sums, and C is written once.  Left to win: each vector of B that is loaded
// serves one multiply-add, and a core that can start two of them in a cycle can start two loads as well.  So loads decide.
#include "examples/ladders/product/product.h"

namespace camo::ladder {

void product_4_vectors(const Product& p) {
  constexpr int64_t kStrip = kTileVecs * kLanes;
  const int64_t whole = p.N / kStrip * kStrip;
  for (int64_t i = 0; i < p.M; ++i)
    for (int64_t j = 0; j < whole; j += kStrip) {
      Vec<float> sums[kTileVecs];
      for (auto& sum : sums) sum = Vec<float>(0);
      for (int64_t k = 0; k < p.K; ++k) {
        const Vec<float> a(p.A[i * p.K + k]);
        for (int v = 0; v < kTileVecs; ++v) sums[v] += a * Vec<float>::load(p.B + k * p.N + j + v * kLanes);
      }
      for (int v = 0; v < kTileVecs; ++v) sums[v].store(p.C + i * p.N + j + v * kLanes);
    }
  product_rest(p, 0, p.M, whole);
}

}  // namespace camo::ladder
