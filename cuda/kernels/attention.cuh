// Tiles for attention on the GPU: rows loaded into shared memory, their inner products, and weighted sums.
//
// A block of 8 x 16 threads holds two tiles, x (8 kR rows) and z (64 rows), each kD channels wide, and
// 8 kR x 64 weights.
// Thread (group, lane) computes rows group + 8 i and columns lane + 16 j: kR x 4 numbers in registers, so that each
// number read from shared memory enters several multiply-adds.  Rows are padded by 16 bytes, so that the 8 lanes of one
// access touch all banks.  Larger head sizes are processed in chunks of kD channels.
// Used by cuda/ops/attention.cu and window_attention.cu.
#pragma once

#include "cuda/tools/rows.cuh"

namespace camo::cuda {

/// Rows in memory that are `stride` numbers apart, a multiple of D.  Rows from `count` on are read as zeros, all others
/// are multiplied by factor.
/// Any type with these members can provide the rows of a tile.
template <class T> struct Rows {
  const T* at;
  int64_t count, stride;
  acc_t<T> factor = 1;

  __device__ const T* row(int r) const { return r < count ? at + r * stride : nullptr; }
  __device__ bool aligned(size_t bytes) const { return reinterpret_cast<uintptr_t>(at) % bytes == 0; }
};

/// e^x for x <= 0, at least about e^-87 (e^-708 in double); has no branch and costs half as much as exp.
template <class A> __device__ A exp_negative(A x) {
  x = camo::where(x < A(sizeof(A) == 4 ? -87 : -708), A(sizeof(A) == 4 ? -87 : -708), x);
  A r;
  const auto n = math::reduce(x, r);
  return (A(1) + r * math::exp_series(r)) * math::power_of_two<A>(n);
}

template <class T, int kThreadRows, int kD> struct AttentionTile {
  using A = acc_t<T>;
  static constexpr int kR = kThreadRows, kGroups = 8, kLanes = 16, kThreads = kGroups * kLanes;
  static constexpr int kRows = kGroups * kR, kColumns = 64, kC = kColumns / kLanes, kE = kD / kLanes;
  static constexpr int kWord = 16 / sizeof(A);                            // numbers per access of shared memory
  static constexpr int kWidth = kD + kWord, kWeights = kColumns + kWord;  // padded row lengths
  static constexpr int kRun = kE < kWord ? kE : kWord;                    // neighbouring channels per thread
  static constexpr size_t kBytes = size_t((kRows + kColumns) * kWidth + kRows * kWeights) * sizeof(A);

  A *x, *z, *weights;
  int64_t D;
  int group, lane;

  __device__ AttentionTile(A* memory, int64_t D)
      : x(memory),
        z(x + kRows * kWidth),
        weights(z + kColumns * kWidth),
        D(D),
        group(int(threadIdx.x) / kLanes),
        lane(int(threadIdx.x) % kLanes) {}

  __device__ int row(int i) const { return group + kGroups * i; }
  __device__ int column(int j) const { return lane + kLanes * j; }
  __device__ int channel(int e) const { return (e / kRun * kLanes + lane) * kRun + e % kRun; }
  __device__ A& weight(int i, int j) const { return weights[row(i) * kWeights + column(j)]; }

  /// s += x z^T over all channels.  x_there: x is the same as in the previous call, and still loaded
  /// if it is one chunk.
  template <class X, class Z> __device__ void add_scores(const X& xs, bool x_there, const Z& zs, A (&s)[kR][kC]) const {
    for (int64_t d = 0; d < D; d += kD) {
      __syncthreads();  // other threads may still read the tiles
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

  /// y += weights z for channels [d, d + kD) of z, after all threads have set their weights.  z_there: like x_there.
  template <class Z> __device__ void add_products(const Z& zs, bool z_there, int64_t d, A (&y)[kR][kE]) const {
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

  /// Writes y times factor to channels [d, d + kD) of a row.
  template <class U> __device__ void write(const A (&y)[kE], A factor, U* to, int64_t d) const {
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

  /// Reduces over the 16 threads that share rows; each gets the result.
  template <class Op> static __device__ A fold(A v, Op op) {
    for (int step = kLanes / 2; step; step /= 2) v = op(v, __shfl_xor_sync(~0u, v, step));
    return v;
  }

 private:
  template <int N> static __device__ const Pack<A, N>& at(const A* p) {
    return *reinterpret_cast<const Pack<A, N>*>(p);
  }

  /// Loads channels [d, d + kD) of kCount rows into tile; a thread loads 16 bytes at a time if rows are whole packs.
  template <int kCount, class X> __device__ void fill(const X& rows, int64_t d, A* tile) const {
    constexpr int N = kPack<T>;
    if (rows.aligned(alignof(Pack<T, N>)) && D % N == 0) fill_packs<kCount, N>(rows, d, tile);
    else fill_packs<kCount, 1>(rows, d, tile);
  }
  template <int kCount, int N, class X> __device__ void fill_packs(const X& rows, int64_t d, A* tile) const {
    for (int i = int(threadIdx.x); i < kCount * kD / N; i += kThreads) {
      const int r = i / (kD / N), c = i % (kD / N) * N;
      Pack<T, N> raw{};
      const T* from = rows.row(r);
      if (from && d + c < D) raw = *reinterpret_cast<const Pack<T, N>*>(from + d + c);
      Pack<A, N> wide;
      for (int j = 0; j < N; ++j) wide.at[j] = widen(raw.at[j]) * rows.factor;
      *reinterpret_cast<Pack<A, N>*>(tile + r * kWidth + c) = wide;
    }
  }
};

/// Turns the scores of `count` keys into weights exp(score - new maximum), and rescales earlier sums
/// to the new maximum.
template <class Tile, class A, int R, int C, int E>
__device__ void softmax_tile(const Tile& tile, A (&scores)[R][C], int64_t count, A (&top)[R], A (&sum)[R],
                             A (&y)[R][E]) {
  UNROLL for (int i = 0; i < R; ++i) {
    A best = top[i];
    for (int j = 0; j < C; ++j) {
      if (tile.column(j) >= count) scores[i][j] = -std::numeric_limits<A>::infinity();
      best = Larger{}(scores[i][j], best);
    }
    best = Tile::fold(best, Larger{});
    const A shrink = exp_negative(top[i] - best);
    top[i] = best;
    sum[i] *= shrink;
    for (int e = 0; e < E; ++e) y[i][e] *= shrink;
    for (int j = 0; j < C; ++j) {
      const A weight = exp_negative(scores[i][j] - best);
      sum[i] += weight;
      tile.weight(i, j) = weight;
    }
  }
}

/// Calls f.operator()<T, kD>() with the chunk size for heads of D channels.
template <class F> void with_chunk(DType t, const char* op, int64_t D, F f) {
  with_float(t, op, [&]<class T>() {
    if (std::is_same_v<T, double> || D <= 32) f.template operator()<T, 32>();
    else if constexpr (!std::is_same_v<T, double>) {
      if (D <= 64) f.template operator()<T, 64>();
      else f.template operator()<T, 128>();
    }
  });
}

}  // namespace camo::cuda
