// Rung 3: one block of 256 threads.  Its eight warps meet in shared memory, between two barriers (cuda/tools/warp.cuh).
#pragma once

#include "examples/ladders/gpu/watched.h"

namespace camo::ladder {

template <class P> __global__ void sum_by_a_block(P x, int64_t n, float* y) {
  float sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += load(x, i);
  sum = cuda::block_sum(sum);
  if (threadIdx.x == 0) *y = sum;
}

template <class P> void sum_3_block(Cuda where, P x, int64_t n, float*, float* y) {
  cuda::launch(where, "sum_3", 1, cuda::kThreads, 0, sum_by_a_block<P>, x, n, y);
}

}  // namespace camo::ladder
