// Reductions of (K, R, C) over R on the GPU: sums, extremes, indices of extremes.
//
// R is cut into pieces whose length depends on R and C alone; their results are reduced again until one is left.  So
// the bits depend neither on K (the batch) nor on the grid.  A functor describes the reduction:
//
//   Acc, Out                       the running value and what is stored of it; trivially copyable
//   Acc nothing() const            the neutral element
//   Acc first(x, r, k, c) const    element r of group (k, c), widened
//   Acc join(a, b) const           commutative to the bit
//   Rest rest() const              the functor that reduces the results of the pieces
//
// Sums are in double, which costs nothing when memory is the bottleneck, and are rounded when a piece is stored.
// Bound by memory: x is read once, in neighbouring words of 16 bytes per thread.
#pragma once

#include "cuda/tools/pack.cuh"
#include "tensor/memory/scratch.h"

namespace camo::cuda {

// ---- functors -----------------------------------------------------------------------------------------------

template <class A> struct Sum {
  using Acc = double;
  using Out = A;
  CAMO_HD double nothing() const { return 0; }
  CAMO_HD double first(A x, int64_t, int64_t, int64_t) const { return double(x); }
  CAMO_HD double join(double a, double b) const { return a + b; }
  Sum rest() const { return {}; }
};

/// A number and its index.
template <class A> struct Best {
  A value;
  int64_t index;
};
/// Sorts the largest number first: NaN before all numbers, equal numbers by index.
template <class A> CAMO_HD bool before(Best<A> a, Best<A> b) {
  const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
  if (a_nan != b_nan) return a_nan;
  return a.value > b.value || (!(a.value < b.value) && a.index < b.index);
}

/// The largest number and its index, the lowest of several.
template <class A> struct Foremost {
  using Acc = Best<A>;
  using Out = Acc;
  CAMO_HD Acc nothing() const { return {-std::numeric_limits<A>::infinity(), std::numeric_limits<int64_t>::max()}; }
  CAMO_HD Acc first(A x, int64_t r, int64_t, int64_t) const { return {x, r}; }
  CAMO_HD Acc first(Acc x, int64_t, int64_t, int64_t) const { return x; }
  CAMO_HD Acc join(Acc a, Acc b) const { return before(a, b) ? a : b; }
  Foremost rest() const { return {}; }
};

// ---- teams --------------------------------------------------------------------------------------------------

template <class A> __device__ A swapped(A x, int step) { return __shfl_xor_sync(~0u, x, step); }
template <class A> __device__ Best<A> swapped(Best<A> x, int step) {
  return {__shfl_xor_sync(~0u, x.value, step), __shfl_xor_sync(~0u, x.index, step)};
}

/// Reduces over a team: `lanes` neighbouring threads (1, 2, 4, ... 32), or the whole block.  Every thread of the block
/// must call it and gets its team's result.
template <class F, class A = typename F::Acc> __device__ A team_fold(A x, int lanes, const F& f) {
  for (int step = (lanes < 32 ? lanes : 32) / 2; step; step /= 2) x = f.join(x, swapped(x, step));
  if (lanes > 32) {
    SHARED(A, parts, [32]);
    const int thread = int(threadIdx.x);
    __syncthreads();  // parts may still be read from an earlier call
    if (thread % 32 == 0) parts[thread / 32] = x;
    __syncthreads();
    x = f.nothing();
    for (int w = 0; w < lanes / 32; ++w) x = f.join(x, parts[w]);
  }
  return x;
}

// ---- rows: C == 1 -------------------------------------------------------------------------------------------

constexpr int64_t kRowPiece = 8192;  // elements per team at most

/// The number of threads for a row of R: one per pack, a warp for up to four packs per lane, else the block.
inline int team_lanes(int64_t R, int pack) {
  const int64_t packs = (R + pack - 1) / pack;
  if (packs > 128) return kThreads;
  int lanes = 1;
  while (lanes < packs && lanes < 32) lanes *= 2;
  return lanes;
}

template <class T, class F, class Y = typename F::Out>
__global__ void fold_rows_kernel(const __grid_constant__ F f, const T* x, int64_t K, int64_t R, int64_t pieces,
                                 int lanes, bool aligned, Y* y) {
  constexpr int N = kPack<T>;
  using A = typename F::Acc;
  const int team = int(threadIdx.x) / lanes, lane = int(threadIdx.x) % lanes, teams = int(blockDim.x) / lanes;
  const int64_t tasks = K * pieces;
  for (int64_t t = int64_t(blockIdx.x) * teams; t < tasks; t += int64_t(gridDim.x) * teams) {
    const int64_t task = t + team < tasks ? t + team : tasks - 1, k = task / pieces, begin = task % pieces * kRowPiece;
    const int64_t end = begin + kRowPiece < R ? begin + kRowPiece : R;
    A sum[N];
    for (int j = 0; j < N; ++j) sum[j] = f.nothing();
    for (int64_t r = begin + int64_t(lane) * N; r < end; r += int64_t(lanes) * N) {
      const Pack<T, N> pack = load_pack<N>(x + k * R + r, end - r, aligned);
      for (int j = 0; j < N; ++j)
        if (r + j < end) sum[j] = f.join(sum[j], f.first(widen(pack.at[j]), r + j, k, 0));
    }
    for (int half = N / 2; half; half /= 2)
      for (int j = 0; j < half; ++j) sum[j] = f.join(sum[j], sum[j + half]);
    const A all = team_fold(sum[0], lanes, f);
    if (lane == 0 && t + team < tasks) y[task] = Y(all);
  }
}

// ---- columns: C > 1 -----------------------------------------------------------------------------------------

/// A task is `depth` rows of `width` packs: a thread reduces every depth-th row of a piece, then the rows are combined
/// as a tree.  A block runs as many tasks at a time as it has threads for.
struct ColumnTile {
  int64_t tiles, piece;
  int width, depth, tasks;

  ColumnTile(int64_t R, int64_t C, int pack) {
    const int64_t packs = (C + pack - 1) / pack, few_rows = kThreads / std::min<int64_t>(R, kThreads);
    const int64_t most = std::max<int64_t>(32, few_rows);
    tiles = (packs + most - 1) / most;
    width = int((packs + tiles - 1) / tiles);
    depth = int(std::min<int64_t>(kThreads / width, R));
    tasks = kThreads / (width * depth);
    piece = 16 * depth;
  }
};

template <class T, class F, class Y = typename F::Out>
__global__ void fold_columns_kernel(const __grid_constant__ F f, const T* x, int64_t K, int64_t R, int64_t C,
                                    int64_t pieces, ColumnTile tile, bool aligned, Y* y) {
  constexpr int N = kPack<T>;
  using A = typename F::Acc;
  SHARED(A, part, [kThreads][N]);
  const int thread = int(threadIdx.x), column = thread % tile.width, row = thread / tile.width % tile.depth;
  const int mine = thread / (tile.width * tile.depth);
  const int64_t tasks = K * pieces * tile.tiles;
  for (int64_t first = int64_t(blockIdx.x) * tile.tasks; first < tasks; first += int64_t(gridDim.x) * tile.tasks) {
    const int64_t task = first + mine;
    const int64_t c = (task % tile.tiles * tile.width + column) * N, left = C - c;
    const int64_t kp = task / tile.tiles, k = kp / pieces;
    const int64_t begin = kp % pieces * tile.piece, end = begin + tile.piece < R ? begin + tile.piece : R;
    const bool live = mine < tile.tasks && task < tasks && left > 0;
    A sum[N];
    for (int j = 0; j < N; ++j) sum[j] = f.nothing();
    for (int64_t r = live ? begin + row : end; r < end; r += tile.depth) {
      const Pack<T, N> pack = load_pack<N>(x + (k * R + r) * C + c, left, aligned);
      for (int j = 0; j < N; ++j)
        if (j < left) sum[j] = f.join(sum[j], f.first(widen(pack.at[j]), r, k, c + j));
    }
    for (int j = 0; j < N; ++j) part[thread][j] = sum[j];
    for (int step = 1; step < tile.depth; step *= 2) {
      __syncthreads();
      if (live && row % (2 * step) == 0 && row + step < tile.depth)
        for (int j = 0; j < N; ++j) part[thread][j] = f.join(part[thread][j], part[thread + step * tile.width][j]);
    }
    for (int j = 0; j < N; ++j)
      if (live && row == 0 && j < left) y[kp * C + c + j] = Y(part[thread][j]);
    __syncthreads();  // the next task writes part
  }
}

// ---- both ---------------------------------------------------------------------------------------------------

/// y (K, C) = x (K, R, C) reduced over R >= 1.
template <class T, class F, class Y = typename F::Out>
void fold(Cuda where, const char* name, F f, const T* x, int64_t K, int64_t R, int64_t C, Y* y) {
  constexpr int N = kPack<T>;
  const ColumnTile tile(R, C, N);
  const int64_t piece = C == 1 ? kRowPiece : tile.piece, pieces = (R + piece - 1) / piece;
  const Scratch<Y> parts(where, pieces > 1 ? K * pieces * C : 0);
  Y* to = pieces > 1 ? static_cast<Y*>(parts) : y;
  if (C == 1) {
    const int lanes = team_lanes(R, N);
    launch(where, name, blocks(K * pieces, kThreads / lanes), kThreads, 0, fold_rows_kernel<T, F>, f, x, K, R, pieces,
           lanes, rows_aligned(x, R) || (K == 1 && rows_aligned(x, 0)), to);
  } else {
    launch(where, name, blocks(K * pieces * tile.tiles, tile.tasks), kThreads, 0, fold_columns_kernel<T, F>, f, x, K, R,
           C, pieces, tile, rows_aligned(x, C), to);
  }
  if (pieces > 1) fold(where, name, f.rest(), static_cast<const Y*>(to), K, pieces, C, y);
}

}  // namespace camo::cuda
