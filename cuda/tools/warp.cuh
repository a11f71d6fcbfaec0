// Reductions of a warp and of a block in a fixed order, and vector loads.
//
// A butterfly of shuffles leaves the same bits in every lane; a block adds its warps' results in the order of the
// warps.  So a sum depends on the numbers and the block size alone.
#pragma once

#include <limits>

#include "cuda/tools/launch.cuh"
#include "tensor/dtype.h"
#include "tensor/scalar/math.h"

namespace camo::cuda {

/// N neighbours read or written at once; the pointer is aligned to the smaller of 16 bytes and the whole.
template <class T, int N> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack { T at[N]; };
/// As many as 16 bytes hold, 8 at most.
template <class T> constexpr int kPack = sizeof(T) == 1 ? 8 : int(16 / sizeof(T));

/// How numbers of memory are computed with: bf16 as float, all others as they are; and back.
template <class T> CAMO_HD T widen(T x) { return x; }
CAMO_HD inline float widen(bf16 x) { return float(x); }
template <class T, class A> CAMO_HD T narrow(A x) { return T(x); }

struct Plus {
  template <class A> __device__ A operator()(A a, A b) const { return a + b; }
};
/// NaN wins, as it does on the CPU.
struct Larger {
  template <class A> __device__ A operator()(A a, A b) const { return a > b || a != a ? a : b; }
};

/// Over the 32 lanes of a warp, for each of them.
template <class Op, class A> __device__ A warp_fold(A x, Op op) {
  for (int step = 16; step; step /= 2) x = op(x, __shfl_xor_sync(~0u, x, step));
  return x;
}

/// The same over all threads of a one-dimensional block; every thread gets the result and must call it.
template <class Op, class A> __device__ A block_fold(A x, A nothing, Op op) {
  SHARED(A, parts, [32]);
  const int lane = int(threadIdx.x) & 31, warp = int(threadIdx.x) >> 5, warps = int(blockDim.x) >> 5;
  x = warp_fold(x, op);
  __syncthreads();  // parts may still be read from the call before
  if (lane == 0) parts[warp] = x;
  __syncthreads();
  x = nothing;
  for (int w = 0; w < warps; ++w) x = op(x, parts[w]);
  return x;
}
template <class A> __device__ A block_sum(A x) { return block_fold(x, A(0), Plus{}); }

}  // namespace camo::cuda
