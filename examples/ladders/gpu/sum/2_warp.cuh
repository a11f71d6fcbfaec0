// Rung 2: one warp.  Lane l adds x[l], x[l + 32], ...: 32 lanes side by side load 128 bytes at once.  Then a butterfly.
#pragma once

#include "examples/ladders/gpu/watched.h"

namespace camo::ladder {

template <class P> __global__ void sum_by_a_warp(P x, int64_t n, float* y) {
  float sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += 32) sum += load(x, i);
  sum = cuda::warp_fold(sum, cuda::Plus{});
  if (threadIdx.x == 0) *y = sum;
}

template <class P> void sum_2_warp(Cuda where, P x, int64_t n, float*, float* y) {
  cuda::launch(where, "sum_2", 1, 32, 0, sum_by_a_warp<P>, x, n, y);
}

}  // namespace camo::ladder
