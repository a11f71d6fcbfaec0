// Rung 3: a tile of 4 x 4 elements in the registers of each thread, 64 x 64 in a block.
//
// Eight numbers from shared memory pay for sixteen multiply-adds instead of two for one.  And a larger block asks memory for
// less: a number of A N / 64 times.  Loads are 16 bytes wide.  The rows of A's tile are one number longer than they need, so
// that the eight rows that a warp writes at once begin in different banks.
#pragma once

#include "examples/ladders/gpu/product/2_shared.cuh"

namespace camo::ladder {

constexpr int kBlock = 64, kDepth = 16;

template <class P> __global__ void product_registers(P A, P B, Sizes s, float* C) {
  SHARED(float, a, [kBlock][kDepth + 1]);
  SHARED(float, b, [kDepth][kBlock]);
  const int64_t across = s.N / kBlock, m0 = blockIdx.x / across * kBlock, n0 = blockIdx.x % across * kBlock;
  const int thread = int(threadIdx.x), row = thread / 16 * 4, column = thread % 16 * 4;
  float sums[4][4] = {};
  for (int64_t k0 = 0; k0 < s.K; k0 += kDepth) {
    const Four left = load_four(A, (m0 + thread / 4) * s.K + k0 + thread % 4 * 4);
    const Four right = load_four(B, (k0 + thread / 16) * s.N + n0 + thread % 16 * 4);
    for (int i = 0; i < 4; ++i) a[thread / 4][thread % 4 * 4 + i] = left.at[i];
    for (int i = 0; i < 4; ++i) b[thread / 16][thread % 16 * 4 + i] = right.at[i];
    __syncthreads();
    for (int k = 0; k < kDepth; ++k)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) sums[i][j] += a[row + i][k] * b[k][column + j];
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) C[(m0 + row + i) * s.N + n0 + column + j] = sums[i][j];
}

template <class P> void product_3_registers(Cuda where, P A, P B, Sizes s, float* C) {
  cuda::launch(where, "product_3", cuda::blocks(s.M * s.N, kBlock * kBlock), cuda::kThreads, 0, product_registers<P>, A,
               B, s, C);
}

}  // namespace camo::ladder
