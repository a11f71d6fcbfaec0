// Tools for kernels over the rows of x (R, C): which threads share a row, and how they read it.
//
// A row of up to 1024 numbers belongs to a team of 1 to 32 neighbouring lanes, at most one per pack of 16 bytes.  A
// longer row belongs to the whole block.  Lane l takes packs l, l + size, ...  Only the first pass over a row reads
// device memory; later passes find it in the L1 cache.  The order of a row's sums depends on C and the dtype alone.
// Used by cuda/ops/softmax.cu, norm.cu and attention.cu.
#pragma once

#include "cuda/tools/warp.cuh"

namespace camo::cuda {

/// Loads N neighbours as numbers of the arithmetic type, and stores them; one access if p is aligned, else N.
template <int N, class T> __device__ Pack<acc_t<T>, N> load(const T* p) {
  Pack<T, N> raw;
  if (reinterpret_cast<uintptr_t>(p) % alignof(Pack<T, N>) == 0) raw = *reinterpret_cast<const Pack<T, N>*>(p);
  else
    for (int j = 0; j < N; ++j) raw.at[j] = p[j];
  Pack<acc_t<T>, N> out;
  for (int j = 0; j < N; ++j) out.at[j] = widen(raw.at[j]);
  return out;
}
template <class T, int N> __device__ void store(const Pack<acc_t<T>, N>& x, T* p) {
  Pack<T, N> out;
  for (int j = 0; j < N; ++j) out.at[j] = narrow<T>(x.at[j]);
  if (reinterpret_cast<uintptr_t>(p) % alignof(Pack<T, N>) == 0) *reinterpret_cast<Pack<T, N>*>(p) = out;
  else
    for (int j = 0; j < N; ++j) p[j] = out.at[j];
}

/// The smallest power of two that is at least n, but at most `most`.
inline int power_of_two_above(int64_t n, int most) {
  int p = 1;
  while (p < n && p < most) p *= 2;
  return p;
}

/// The number of threads that share a row of C numbers, reading N at a time: lanes of a warp, or all
/// `threads` of a block.
inline int team_size(int64_t C, int N, int threads = kThreads) {
  return C > 1024 ? threads : power_of_two_above((C + N - 1) / N, 32);
}

struct Team {
  int size, lane, number;  // threads per team; this thread's index in it; the team's index in the block

  __device__ explicit Team(int size) : size(size), lane(int(threadIdx.x) % size), number(int(threadIdx.x) / size) {}

  /// Reduces x over the lanes of the team; every lane gets the result.  All threads of the block must call it.
  template <class A, class Op> __device__ A fold(A x, A nothing, Op op) const {
    if (size > 32) return block_fold(x, nothing, op);
    for (int step = size / 2; step; step /= 2) x = op(x, __shfl_xor_sync(~0u, x, step));
    return x;
  }
  template <class A> __device__ A sum(A x) const { return fold(x, A(0), Plus{}); }
  template <class A> __device__ A max(A x) const { return fold(x, -std::numeric_limits<A>::infinity(), Larger{}); }

  /// Calls f(row) for the rows [first, last), which the teams of the block take in turn.  All threads call f the same
  /// number of times: a team without a row gets a row >= last and must not read or write it.
  template <class F> __device__ void each_row(int64_t first, int64_t last, int64_t stride, F f) const {
    for (int64_t r = first; r < last; r += stride) f(r + number);
  }
  /// The same for all R rows and the whole grid.
  template <class F> __device__ void each_row(int64_t R, F f) const {
    const int64_t teams = int(blockDim.x) / size;
    each_row(blockIdx.x * teams, R, gridDim.x * teams, f);
  }
  /// Calls f(c) for the first channel c of every pack of this lane; N divides C.
  template <int N, class F> __device__ void each_pack(int64_t C, F f) const {
    for (int64_t c = int64_t(lane) * N; c < C; c += int64_t(size) * N) f(c);
  }
};

/// Calls f.operator()<N>() with N numbers per pack: 16 bytes if rows are whole packs, else 1.
template <class T, class F> void with_pack(int64_t C, F f) {
  if (C % kPack<T> == 0) f.template operator()<kPack<T>>();
  else f.template operator()<1>();
}

}  // namespace camo::cuda
