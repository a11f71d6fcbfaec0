// Rung 1, the definition: each element of C is a sum over k.
//
// B is read down a column: every step touches another line of the cache, 64 bytes for 4 that are used.  And the additions wait
// for each other: a sum in order may not be split over lanes, so the compiler can use no vectors.
#include "examples/ladders/product/product.h"

namespace camo::ladder {

void product_1_dots(const Product& p) {
  for (int64_t i = 0; i < p.M; ++i)
    for (int64_t j = 0; j < p.N; ++j) {
      float sum = 0;
      for (int64_t k = 0; k < p.K; ++k) sum += p.A[i * p.K + k] * p.B[k * p.N + j];
      p.C[i * p.N + j] = sum;
    }
}

}  // namespace camo::ladder
