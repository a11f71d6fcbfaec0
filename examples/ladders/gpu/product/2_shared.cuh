// Rung 2: tiles in shared memory.
//
// A block computes 32 x 32 elements.  It loads 32 columns of A and 32 rows of B, each number once, and all its threads read them there.  So a
// number of A is asked for N / 32 times and one of B M / 32 times.  Two barriers a tile: nobody reads before all have written, nobody writes
// before all have read.
#pragma once

#include "examples/ladders/gpu/product/1_naive.cuh"

namespace camo::ladder {

constexpr int kTile = 32;

template <class P> __global__ void product_shared(P A, P B, Sizes s, float* C) {
  SHARED(float, a, [kTile][kTile]);
  SHARED(float, b, [kTile][kTile]);
  const int64_t across = s.N / kTile, m0 = blockIdx.x / across * kTile, n0 = blockIdx.x % across * kTile;
  const int column = int(threadIdx.x) % kTile, row = int(threadIdx.x) / kTile;  // rows row, row + 8, row + 16, row + 24
  float sums[4] = {};
  for (int64_t k0 = 0; k0 < s.K; k0 += kTile) {
    for (int i = row; i < kTile; i += 8) {
      a[i][column] = load(A, (m0 + i) * s.K + k0 + column);
      b[i][column] = load(B, (k0 + i) * s.N + n0 + column);
    }
    __syncthreads();
    for (int k = 0; k < kTile; ++k)
      for (int i = 0; i < 4; ++i) sums[i] += a[row + 8 * i][k] * b[k][column];
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i) C[(m0 + row + 8 * i) * s.N + n0 + column] = sums[i];
}

template <class P> void product_2_shared(Cuda where, P A, P B, Sizes s, float* C) {
  cuda::launch(where, "product_2", cuda::blocks(s.M * s.N, kTile * kTile), cuda::kThreads, 0, product_shared<P>, A, B,
               s, C);
}

}  // namespace camo::ladder
