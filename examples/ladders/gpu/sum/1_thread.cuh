// Rung 1: one thread adds all n numbers, one after another.  It is the definition, and the GPU has 270,000 threads.
#pragma once

#include "examples/ladders/gpu/watched.h"

namespace camo::ladder {

template <class P> __global__ void sum_by_a_thread(P x, int64_t n, float* y) {
  if (cuda::first_item() != 0) return;
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += load(x, i);
  *y = sum;
}

template <class P> void sum_1_thread(Cuda where, P x, int64_t n, float*, float* y) {
  cuda::launch(where, "sum_1", 1, 32, 0, sum_by_a_thread<P>, x, n, y);
}

}  // namespace camo::ladder
