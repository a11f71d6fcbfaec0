// Rung 4: tensor cores, bf16 numbers with sums in f32, and tiles that come while others are multiplied (cuda/tools/tile.cuh).
//
// Four warps of a block have 32 x 32 elements each: 2 x 4 fragments of C, for which 2 of A and 4 of B are loaded.  Copies for the next 32
// columns of A start before this tile is multiplied.  Rows of shared memory are 8 numbers longer than they need: the eight rows that ldmatrix reads at
// once then begin in different banks.
#pragma once

#include "cuda/tools/tile.cuh"
#include "examples/ladders/gpu/product/3_registers.cuh"

namespace camo::ladder {

constexpr int kStep = 32, kWide = kStep + 8, kWideN = kBlock + 8;

template <class P> __global__ void product_tensor(P A, P B, Sizes s, float* C) {
  SHARED(bf16, a, [2][kBlock][kWide]);
  SHARED(bf16, b, [2][kStep][kWideN]);
  const int64_t across = s.N / kBlock, m0 = blockIdx.x / across * kBlock, n0 = blockIdx.x % across * kBlock;
  const int thread = int(threadIdx.x), lane = thread % 32, m = thread / 64 * 32, n = thread / 32 % 2 * 32;
  const auto fetch = [&](int64_t k0, int stage) {
    for (int i = thread; i < kBlock * kStep / 8; i += 128) {
      copy_sixteen(&a[stage][i / 4][i % 4 * 8], A, (m0 + i / 4) * s.K + k0 + i % 4 * 8);
      copy_sixteen(&b[stage][i / 8][i % 8 * 8], B, (k0 + i / 8) * s.N + n0 + i % 8 * 8);
    }
    cuda::commit();
  };
  cuda::FragmentC sums[2][4];
  fetch(0, 0);
  for (int64_t k0 = 0, stage = 0; k0 < s.K; k0 += kStep, stage ^= 1) {
    if (k0 + kStep < s.K) fetch(k0 + kStep, int(stage) ^ 1), cuda::wait<1>();
    else cuda::wait<0>();
    __syncthreads();
    // [multiply]
    for (int k = 0; k < kStep; k += 16) {
      cuda::FragmentA left[2];
      for (int i = 0; i < 2; ++i) left[i] = cuda::load_a(&a[stage][m + 16 * i + lane % 16][k + lane / 16 * 8]);
      for (int j = 0; j < 4; ++j) {
        const cuda::FragmentB right = cuda::load_b(&b[stage][k + lane % 16][n + 8 * j]);
        for (int i = 0; i < 2; ++i) cuda::mma(sums[i][j], left[i], right);
      }
    }
    // [/multiply]
    __syncthreads();  // the next copies overwrite this stage
  }
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 4; ++j)
      for (int e = 0; e < 4; ++e)
        C[(m0 + m + 16 * i + cuda::FragmentC::row(lane, e)) * s.N + n0 + n + 8 * j + cuda::FragmentC::column(lane, e)] =
            sums[i][j].sums[e];
}

template <class P> void product_4_tensor(Cuda where, P A, P B, Sizes s, float* C) {
  cuda::launch(where, "product_4", cuda::blocks(s.M * s.N, kBlock * kBlock), 128, 0, product_tensor<P>, A, B, s, C);
}

}  // namespace camo::ladder
