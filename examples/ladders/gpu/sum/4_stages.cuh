// Rung 4: two stages.  A block adds a piece of fixed length; a second kernel, one block, adds the pieces.
//
// Blocks cannot wait for each other, but the second kernel begins when the first has ended.  The length of a piece depends on nothing: so
// the bits are the same on a GPU with 10 multiprocessors and on one with 132.
#pragma once

#include "examples/ladders/gpu/sum/3_block.cuh"

namespace camo::ladder {

constexpr int64_t kPiece = 4096;

template <class P> __global__ void sum_of_pieces(P x, int64_t n, float* part) {
  const int64_t begin = int64_t(blockIdx.x) * kPiece, end = begin + kPiece < n ? begin + kPiece : n;
  float sum = 0;
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) sum += load(x, i);
  sum = cuda::block_sum(sum);
  if (threadIdx.x == 0) part[blockIdx.x] = sum;
}

/// part: room for ceil(n / kPiece) numbers.
template <class P> void sum_4_stages(Cuda where, P x, int64_t n, float* part, float* y) {
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  cuda::launch(where, "sum_4", cuda::blocks(pieces, 1), cuda::kThreads, 0, sum_of_pieces<P>, x, n, part);
  cuda::launch(where, "sum_4", 1, cuda::kThreads, 0, sum_by_a_block<const float*>, part, pieces, y);
}

}  // namespace camo::ladder
