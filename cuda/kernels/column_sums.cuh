// Sums over the rows of a matrix with neighbouring channels: the gradient of every bias and of every small weight.
//
// Thread t of a block takes the pack of channels t % lanes and rows t / lanes, t / lanes + kThreads / lanes, ..., so
// that a warp reads neighbours.  The threads of a pack then add up as a tree in a fixed order.
#pragma once

#include "cuda/tools/warp.cuh"

namespace camo::cuda {

/// A power of two: 32; fewer for fewer packs; more if there are too few rows for the other threads.
inline int column_lanes(int64_t packs, int64_t rows) {
  int lanes = 1;
  while (lanes < kThreads && lanes < packs && (lanes < 32 || kThreads / lanes > rows)) lanes *= 2;
  return lanes;
}

/// The sum over threads t, t + lanes, ... of the block; each of them gets it.  All kThreads threads must call it.
template <class A, int N> __device__ Pack<A, N> fold_columns(Pack<A, N> x, int lanes) {
  using Sums = Pack<A, N>;
  SHARED(Sums, sums, [kThreads]);
  const int t = int(threadIdx.x);
  __syncthreads();  // sums may still be read from an earlier call
  sums[t] = x;
  for (int step = kThreads / 2; step >= lanes; step /= 2) {
    __syncthreads();
    if (t < step)
      for (int j = 0; j < N; ++j) sums[t].at[j] += sums[t + step].at[j];
  }
  __syncthreads();
  return sums[t % lanes];
}

}  // namespace camo::cuda
