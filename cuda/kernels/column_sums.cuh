// Sums over the rows of a matrix, its channels side by side: the gradient of every bias and of every small weight.
//
// Thread t of a block belongs to pack of channels t % lanes and takes rows t / lanes, t / lanes + kThreads / lanes, ...,
// so that a warp reads neighbours; a tree in a fixed order joins the threads of a pack.
#pragma once

#include "cuda/tools/warp.cuh"

namespace camo::cuda {

/// A power of two: 32, fewer where there are fewer packs, more where there are too few rows for the other threads.
inline int column_lanes(int64_t packs, int64_t rows) {
  int lanes = 1;
  while (lanes < kThreads && lanes < packs && (lanes < 32 || kThreads / lanes > rows)) lanes *= 2;
  return lanes;
}

/// The sum over threads t, t + lanes, ... of the block, for each of them.  All kThreads threads call it.
template <class A, int N> __device__ Pack<A, N> fold_columns(Pack<A, N> x, int lanes) {
  using Sums = Pack<A, N>;
  SHARED(Sums, sums, [kThreads]);
  const int t = int(threadIdx.x);
  __syncthreads();  // sums may still be read from the call before
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
