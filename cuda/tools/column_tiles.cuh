// Tools for kernels over the columns of x (R, C): tiles, sums over rows, and adding partial sums.
//
// A block takes a tile that is up to 32 packs of columns wide, so that a warp reads whole cache lines, and as many rows
// high as the remaining threads allow, `steps` times.  A second kernel adds the partial results of the tiles along R in
// a fixed order.  Tiles depend on the sizes alone.
// Used by cuda/ops/norm.cu and attention.cu.
#pragma once

#include "cuda/kernels/column_sums.cuh"
#include "cuda/tools/rows.cuh"

namespace camo::cuda {

/// x (R, C) cut into tiles; N columns are read at a time.
struct Tiles {
  int64_t R, C, height, across, down;  // rows per tile; tiles along C and along R
  int width;                           // packs of columns per tile, a power of two

  Tiles(int64_t R, int64_t C, int N, int64_t steps) : R(R), C(C), width(power_of_two_above((C + N - 1) / N, 32)) {
    height = kThreads / width * steps;
    across = (C + int64_t(width) * N - 1) / (int64_t(width) * N);
    down = (R + height - 1) / height;
  }
  dim3 grid() const { return blocks(across * down, 1); }
};

/// The elements of one thread in a tile: N columns from `column` on (none if column >= C), rows first,
/// first + step, ...
struct TilePlace {
  int64_t column, first, last, chunk;
  int step;

  template <int N> static __device__ TilePlace of(const Tiles& t, int64_t tile) {
    const int thread = int(threadIdx.x);
    const int64_t chunk = tile / t.across, end = (chunk + 1) * t.height;
    return {(tile % t.across * t.width + thread % t.width) * N, chunk * t.height + thread / t.width,
            end < t.R ? end : t.R, chunk, kThreads / t.width};
  }
};

/// Calls f(place) for the tiles of this block, the same number of times for all its threads.
template <int N, class F> __device__ void each_tile(const Tiles& tiles, F f) {
  for (int64_t i = blockIdx.x; i < tiles.across * tiles.down; i += gridDim.x) f(TilePlace::of<N>(tiles, i));
}

/// Sums partial (chunks, 2, C) over the chunks -> two tensors of C.  kThreads / width threads share a column: they take
/// chunks in turn and then add up in pairs.  Bound by memory: reads partial once.
template <class T, class A>
__global__ void add_chunks(const A* partial, int64_t chunks, int64_t C, int width, T* first, T* second) {
  const int lanes = kThreads / width, lane = int(threadIdx.x) / width;
  for (int64_t begin = int64_t(blockIdx.x) * width; begin < 2 * C; begin += int64_t(gridDim.x) * width) {
    const int64_t c = begin + int(threadIdx.x) % width;
    A sum = 0;
    for (int64_t i = lane; c < 2 * C && i < chunks; i += lanes) sum += partial[i * 2 * C + c];
    sum = fold_columns(Pack<A, 1>{{sum}}, width).at[0];
    if (lane == 0 && c < 2 * C) (c < C ? first[c] : second[c - C]) = narrow<T>(sum);
  }
}

/// Columns per block of add_chunks and similar kernels: 8 (one memory sector) when there are many chunks.
inline int fold_width(int64_t chunks) { return kThreads / power_of_two_above(chunks, 32); }

template <class T, class A>
void sum_chunks(Cuda where, const char* name, const A* partial, int64_t chunks, int64_t C, T* first, T* second) {
  const int width = fold_width(chunks);
  launch(where, name, blocks(2 * C, width), kThreads, 0, add_chunks<T, A>, partial, chunks, C, width, first, second);
}

}  // namespace camo::cuda
