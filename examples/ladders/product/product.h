// The ladder of the matrix product: C (M, N) = A (M, K) B (K, N), rows one after another, all f32.
//
// 2 M N K flops on 4 (M K + K N + M N) bytes: at 1936 x 320 x 1280 each byte that must move pays for 117 flops.  So memory is
// no excuse; what the rungs fight for is the distance between the registers and the next cache.
#pragma once

#include <cstdint>

#include "tensor/cpu/vec.h"

namespace camo::ladder {

struct Product {
  int64_t M, N, K;
  const float *A, *B;
  float* C;
};

void product_1_dots(const Product& p);
void product_2_rows(const Product& p);
void product_3_eigen(const Product& p);
void product_4_vectors(const Product& p);
void product_5_tile(const Product& p);
void product_6_packed(const Product& p);
void product_7_threads(const Product& p);

constexpr int kLanes = Vec<float>::size;
constexpr int kTileRows = 6, kTileVecs = kVecBytes == 64 ? 4 : 2;  // 24 or 12 sums: most of the 32 or 16 registers

/// Rows [i, end) of C from column j to the end: what whole tiles leave over.
inline void product_rest(const Product& p, int64_t i, int64_t end, int64_t j) {
  for (; i < end; ++i) {
    for (int64_t n = j; n < p.N; ++n) p.C[i * p.N + n] = 0;
    for (int64_t k = 0; k < p.K; ++k)
      for (int64_t n = j; n < p.N; ++n) p.C[i * p.N + n] += p.A[i * p.K + k] * p.B[k * p.N + n];
  }
}

}  // namespace camo::ladder
