// Reductions over a warp and a block in a fixed order, and vector loads.
//
// A butterfly of shuffles gives every lane the same bits; a block adds the results of its warps in order.  So a sum
// depends only on the numbers and the block size.
#pragma once

#include <limits>

#include "cuda/tools/launch.cuh"
#include "tensor/dtype.h"
#include "tensor/scalar/math.h"

namespace camo::cuda {

/// N neighbours, loaded or stored at once; the pointer must be aligned to 16 bytes or to the pack's size,
/// whichever is less.
template <class T, int N> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) Pack { T at[N]; };
/// The number of elements in 16 bytes, at most 8.
template <class T> constexpr int kPack = sizeof(T) == 1 ? 8 : int(16 / sizeof(T));

/// Converts stored numbers to those that arithmetic uses, bf16 to float and others unchanged, and back.
template <class T> CAMO_HD T widen(T x) { return x; }
CAMO_HD inline float widen(bf16 x) { return float(x); }
template <class T, class A> CAMO_HD T narrow(A x) { return T(x); }

struct Plus {
  template <class A> __device__ A operator()(A a, A b) const { return a + b; }
};
/// The larger of two; NaN if either is NaN, as on the CPU.
struct Larger {
  template <class A> __device__ A operator()(A a, A b) const { return a > b || a != a ? a : b; }
};

// [warp]
/// Reduces over the 32 lanes of a warp; every lane gets the result.
template <class Op, class A> __device__ A warp_fold(A x, Op op) {
  for (int step = 16; step; step /= 2) x = op(x, __shfl_xor_sync(~0u, x, step));
  return x;
}
// [/warp]

// [block]
/// Reduces over all threads of a one-dimensional block; every thread must call it and gets the result.
template <class Op, class A> __device__ A block_fold(A x, A nothing, Op op) {
  SHARED(A, parts, [32]);
  const int lane = int(threadIdx.x) & 31, warp = int(threadIdx.x) >> 5, warps = int(blockDim.x) >> 5;
  x = warp_fold(x, op);
  __syncthreads();  // parts may still be read from an earlier call
  if (lane == 0) parts[warp] = x;
  __syncthreads();
  x = nothing;
  for (int w = 0; w < warps; ++w) x = op(x, parts[w]);
  return x;
}
// [/block]
template <class A> __device__ A block_sum(A x) { return block_fold(x, A(0), Plus{}); }

}  // namespace camo::cuda
