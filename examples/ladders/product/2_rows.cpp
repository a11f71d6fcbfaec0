// Rung 2: the two inner loops change places.
//
// Now B and C are read along rows.  Neighbouring j do not depend on each other, so the compiler makes vectors of them.  Each
// element still adds over k in the same order: the bits are those of rung 1, unless the compiler fuses one and not the other.
// What is left to win: for every multiply-add a number of B is loaded, and one of C is loaded and stored.
#include "examples/ladders/product/product.h"

namespace camo::ladder {

void product_2_rows(const Product& p) {
  for (int64_t i = 0; i < p.M; ++i) {
    float* c = p.C + i * p.N;
    for (int64_t j = 0; j < p.N; ++j) c[j] = 0;
    for (int64_t k = 0; k < p.K; ++k) {
      const float a = p.A[i * p.K + k], *b = p.B + k * p.N;
      for (int64_t j = 0; j < p.N; ++j) c[j] += a * b[j];
    }
  }
}

}  // namespace camo::ladder
