// Rung 5: 16 bytes a load, and four sums a thread.
//
// The same sectors with a quarter of the instructions, and four loads on their way at once: memory answers after several hundred cycles, and only
// what is on its way by then hides them.
#pragma once

#include "examples/ladders/gpu/sum/4_stages.cuh"

namespace camo::ladder {

template <class P> __global__ void sum_of_packs(P x, int64_t n, float* part) {
  const int64_t begin = int64_t(blockIdx.x) * kPiece, end = begin + kPiece < n ? begin + kPiece : n;
  float sum[4] = {};
  for (int64_t i = begin + 4 * threadIdx.x; i < end; i += 4 * blockDim.x) {
    if (i + 4 <= end) {
      const Four v = load_four(x, i);
      for (int j = 0; j < 4; ++j) sum[j] += v.at[j];
    } else {
      for (int j = 0; i + j < end; ++j) sum[j] += load(x, i + j);
    }
  }
  const float all = cuda::block_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
  if (threadIdx.x == 0) part[blockIdx.x] = all;
}

/// x is aligned to 16 bytes.
template <class P> void sum_5_packs(Cuda where, P x, int64_t n, float* part, float* y) {
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  cuda::launch(where, "sum_5", cuda::blocks(pieces, 1), cuda::kThreads, 0, sum_of_packs<P>, x, n, part);
  cuda::launch(where, "sum_5", 1, cuda::kThreads, 0, sum_by_a_block<const float*>, part, pieces, y);
}

}  // namespace camo::ladder
