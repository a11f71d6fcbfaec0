// Rung 1: a thread for each element of C (M, N) = A (M, K) B (K, N).
//
// The lanes of a warp share a row of A, one sector for all, and read neighbours in B.  Every number of A is asked for N / 32 times and every
// number of B M times.
#pragma once

#include "examples/ladders/gpu/watched.h"

namespace camo::ladder {

/// M, N and K are multiples of 64 in all rungs.
struct Sizes {
  int64_t M, N, K;
};

template <class P> __global__ void product_naive(P A, P B, Sizes s, float* C) {
  const int64_t i = cuda::first_item(), m = i / s.N, n = i % s.N;
  float sum = 0;
  for (int64_t k = 0; k < s.K; ++k) sum += load(A, m * s.K + k) * load(B, k * s.N + n);
  C[i] = sum;
}

template <class P> void product_1_naive(Cuda where, P A, P B, Sizes s, float* C) {
  cuda::launch(where, "product_1", cuda::blocks(s.M * s.N), cuda::kThreads, 0, product_naive<P>, A, B, s, C);
}

}  // namespace camo::ladder
