// Tiles of attention on the GPU: rows loaded into shared memory, their inner products, and products with weights.
//
// A block of 8 x 16 threads holds two tiles, x (8 kR rows) and z (64 rows), kD channels wide, and 8 kR x 64 weights.
// Thread (group, lane) computes rows group + 8 i and columns lane + 16 j, kR x 4 numbers in registers, so that each
// number read from shared memory enters several multiply-adds.  Rows are padded by 16 bytes: the 8 lanes that one
// access serves then touch all banks.  Head sizes above kD are walked in chunks of kD.
// Used by cuda/ops/attention.cu.
#pragma once

#include "cuda/rows.cuh"

namespace camo::cuda {

/// Rows of memory, `stride` numbers, a multiple of D, apart; those from `count` on are read as zeros, all others times factor.
template <class T>
struct Rows {
  const T* at;
  int64_t count, stride;
  acc_t<T> factor = 1;
};

/// e^x for x <= 0, no smaller than some e^-87 (e^-708): no branch and half the work of exp.
template <class A>
__device__ A exp_negative(A x) {
  x = camo::where(x < A(sizeof(A) == 4 ? -87 : -708), A(sizeof(A) == 4 ? -87 : -708), x);
  A r;
  const auto n = math::reduce(x, r);
  return (A(1) + r * math::exp_series(r)) * math::power_of_two<A>(n);
}

template <class T, int kThreadRows, int kD>
struct AttentionTile {
  using A = acc_t<T>;
  static constexpr int kR = kThreadRows, kGroups = 8, kLanes = 16, kThreads = kGroups * kLanes;
  static constexpr int kRows = kGroups * kR, kColumns = 64, kC = kColumns / kLanes, kE = kD / kLanes;
  static constexpr int kWord = 16 / sizeof(A);                        // numbers in an access of shared memory
  static constexpr int kWidth = kD + kWord, kWeights = kColumns + kWord;  // padded rows
  static constexpr int kRun = kE < kWord ? kE : kWord;                // neighbouring channels of a thread
  static constexpr size_t kBytes = size_t((kRows + kColumns) * kWidth + kRows * kWeights) * sizeof(A);

  A *x, *z, *weights;
  int64_t D;
  int group, lane;

  __device__ AttentionTile(A* memory, int64_t D)
      : x(memory), z(x + kRows * kWidth), weights(z + kColumns * kWidth), D(D), group(int(threadIdx.x) / kLanes),
        lane(int(threadIdx.x) % kLanes) {}

  __device__ int row(int i) const { return group + kGroups * i; }
  __device__ int column(int j) const { return lane + kLanes * j; }
  __device__ int channel(int e) const { return (e / kRun * kLanes + lane) * kRun + e % kRun; }
  __device__ A& weight(int i, int j) const { return weights[row(i) * kWeights + column(j)]; }

  /// s += x z^T over all channels.  x_there: x is that of the call before, which is there still if it is one chunk.
  __device__ void add_scores(const Rows<T>& xs, bool x_there, const Rows<T>& zs, A (&s)[kR][kC]) const {
    for (int64_t d = 0; d < D; d += kD) {
      __syncthreads();  // others may still read the tiles
      if (!x_there || D > kD) fill<kRows>(xs, d, x);
      fill<kColumns>(zs, d, z);
      __syncthreads();
      for (int d = 0; d < kD; d += kWord) {
        Pack<A, kWord> a[kR], b[kC];
        for (int i = 0; i < kR; ++i) a[i] = at<kWord>(x + row(i) * kWidth + d);
        for (int j = 0; j < kC; ++j) b[j] = at<kWord>(z + column(j) * kWidth + d);
        for (int w = 0; w < kWord; ++w)
          for (int i = 0; i < kR; ++i)
            for (int j = 0; j < kC; ++j) s[i][j] += a[i].at[w] * b[j].at[w];
      }
    }
  }

  /// y += weights z for channels [d, d + kD) of z, after all threads have set their weights.  z_there: as x_there.
  __device__ void add_products(const Rows<T>& zs, bool z_there, int64_t d, A (&y)[kR][kE]) const {
    __syncthreads();
    if (!z_there || D > kD) {
      fill<kColumns>(zs, d, z);
      __syncthreads();
    }
    for (int j = 0; j < kColumns; j += kWord) {
      Pack<A, kWord> a[kR];
      for (int i = 0; i < kR; ++i) a[i] = at<kWord>(weights + row(i) * kWeights + j);
      for (int w = 0; w < kWord; ++w)
        for (int e = 0; e < kE; e += kRun) {
          const Pack<A, kRun> b = at<kRun>(z + (j + w) * kWidth + channel(e));
          for (int i = 0; i < kR; ++i)
            for (int r = 0; r < kRun; ++r) y[i][e + r] += a[i].at[w] * b.at[r];
        }
    }
  }

  /// y times factor -> channels [d, d + kD) of a row.
  template <class U>
  __device__ void write(const A (&y)[kE], A factor, U* to, int64_t d) const {
    for (int e = 0; e < kE; e += kRun) {
      const int64_t c = d + channel(e);
      Pack<A, kRun> run;
      for (int r = 0; r < kRun; ++r) run.at[r] = y[e + r] * factor;
      if (c + kRun <= D) store(run, to + c);
      else
        for (int r = 0; r < kRun; ++r)
          if (c + r < D) to[c + r] = narrow<U>(run.at[r]);
    }
  }

  /// Of the 16 threads that have the same rows, for all of them.
  template <class Op>
  static __device__ A fold(A v, Op op) {
    for (int step = kLanes / 2; step; step /= 2) v = op(v, __shfl_xor_sync(~0u, v, step));
    return v;
  }

 private:
  template <int N> static __device__ const Pack<A, N>& at(const A* p) { return *reinterpret_cast<const Pack<A, N>*>(p); }

  /// Channels [d, d + kD) of kCount rows -> tile, a pack of 16 bytes a thread where rows are whole packs.
  template <int kCount>
  __device__ void fill(const Rows<T>& rows, int64_t d, A* tile) const {
    constexpr int N = kPack<T>;
    const bool aligned = reinterpret_cast<uintptr_t>(rows.at) % alignof(Pack<T, N>) == 0;
    if (aligned && D % N == 0) fill_packs<kCount, N>(rows, d, tile);
    else fill_packs<kCount, 1>(rows, d, tile);
  }
  template <int kCount, int N>
  __device__ void fill_packs(const Rows<T>& rows, int64_t d, A* tile) const {
    for (int i = int(threadIdx.x); i < kCount * kD / N; i += kThreads) {
      const int r = i / (kD / N), c = i % (kD / N) * N;
      Pack<T, N> raw{};
      if (r < rows.count && d + c < D)
        raw = *reinterpret_cast<const Pack<T, N>*>(rows.at + r * rows.stride + d + c);
      Pack<A, N> wide;
      for (int j = 0; j < N; ++j) wide.at[j] = widen(raw.at[j]) * rows.factor;
      *reinterpret_cast<Pack<A, N>*>(tile + r * kWidth + c) = wide;
    }
  }
};

}  // namespace camo::cuda
