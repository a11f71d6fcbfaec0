// Rung 1: a thread for each row, in three passes: mean, variance, result.
//
// Neighbouring lanes read addresses that are a row apart: each load of a warp touches 32 sectors and uses 4 bytes of each.
#pragma once

#include "examples/ladders/gpu/watched.h"

namespace camo::ladder {

constexpr float kLeast = 1e-6f;

template <class P> __global__ void norm_by_threads(P x, int64_t R, int64_t C, float* y) {
  for (int64_t r = cuda::first_item(); r < R; r += cuda::item_stride()) {
    float sum = 0, squares = 0;
    for (int64_t c = 0; c < C; ++c) sum += load(x, r * C + c);
    const float mean = sum / float(C);
    for (int64_t c = 0; c < C; ++c) {
      const float d = load(x, r * C + c) - mean;
      squares += d * d;
    }
    const float scale = 1 / camo::sqrt(squares / float(C) + kLeast);
    for (int64_t c = 0; c < C; ++c) y[r * C + c] = (load(x, r * C + c) - mean) * scale;
  }
}

template <class P> void norm_1_thread(Cuda where, P x, int64_t R, int64_t C, float* y) {
  cuda::launch(where, "norm_1", cuda::blocks(R), cuda::kThreads, 0, norm_by_threads<P>, x, R, C, y);
}

}  // namespace camo::ladder
