// Rung 2: a warp for each row.  Its lanes are neighbours in memory, and its sums are butterflies: no barrier, since a warp needs none.
#pragma once

#include "examples/ladders/gpu/norm/1_thread.cuh"

namespace camo::ladder {

template <class P> __global__ void norm_by_warps(P x, int64_t R, int64_t C, float* y) {
  const int64_t lane = threadIdx.x % 32, warps = cuda::item_stride() / 32;
  for (int64_t r = cuda::first_item() / 32; r < R; r += warps) {
    float sum = 0, squares = 0;
    for (int64_t c = lane; c < C; c += 32) sum += load(x, r * C + c);
    const float mean = cuda::warp_fold(sum, cuda::Plus{}) / float(C);
    for (int64_t c = lane; c < C; c += 32) {
      const float d = load(x, r * C + c) - mean;
      squares += d * d;
    }
    const float scale = 1 / camo::sqrt(cuda::warp_fold(squares, cuda::Plus{}) / float(C) + kLeast);
    for (int64_t c = lane; c < C; c += 32) y[r * C + c] = (load(x, r * C + c) - mean) * scale;
  }
}

template <class P> void norm_2_warp(Cuda where, P x, int64_t R, int64_t C, float* y) {
  cuda::launch(where, "norm_2", cuda::blocks(R, cuda::kThreads / 32), cuda::kThreads, 0, norm_by_warps<P>, x, R, C, y);
}

}  // namespace camo::ladder
