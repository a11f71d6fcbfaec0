// Rung 3: the row stays in registers.  A lane loads its numbers once, four at a time, and the two sums and the result come from them.
//
// For rows of at most 128 numbers in fours: each lane has one load, so the three passes over memory are one.
#pragma once

#include "examples/ladders/gpu/norm/2_warp.cuh"

namespace camo::ladder {

template <class P> __global__ void norm_in_registers(P x, int64_t R, int64_t C, float* y) {
  const int64_t c = 4 * (threadIdx.x % 32), warps = cuda::item_stride() / 32;
  const bool live = c < C;
  for (int64_t r = cuda::first_item() / 32; r < R; r += warps) {
    Four v{};
    if (live) v = load_four(x, r * C + c);
    const float sum = (v.at[0] + v.at[1]) + (v.at[2] + v.at[3]);
    const float mean = cuda::warp_fold(sum, cuda::Plus{}) / float(C);
    float squares = 0;
    for (float e : v.at) squares += live ? (e - mean) * (e - mean) : 0;
    const float scale = 1 / camo::sqrt(cuda::warp_fold(squares, cuda::Plus{}) / float(C) + kLeast);
    for (float& e : v.at) e = (e - mean) * scale;
    if (live) *reinterpret_cast<Four*>(y + r * C + c) = v;
  }
}

/// C <= 128, a multiple of 4; x and y aligned to 16 bytes.
template <class P> void norm_3_registers(Cuda where, P x, int64_t R, int64_t C, float* y) {
  cuda::launch(where, "norm_3", cuda::blocks(R, cuda::kThreads / 32), cuda::kThreads, 0, norm_in_registers<P>, x, R, C,
               y);
}

}  // namespace camo::ladder
