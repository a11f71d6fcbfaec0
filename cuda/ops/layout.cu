// Layout ops on the GPU: one kernel that copies a box, once for each part of a concat, and casts.
//
// Elements are moved as words.  If both walks run along the last axis, a word has up to 16 bytes, a thread moves one,
// and neighbours write neighbours.  A transpose uses tiles of 32 x 32 in shared memory, which are read along the rows
// of x and written along those of y.  Bound by memory: each element is read and written once.
#include <algorithm>

#include "cuda/runtime.h"
#include "cuda/tools/map.cuh"
#include "cuda/tools/raw_bytes.cuh"
#include "tensor/ops/layout.h"
#include "tensor/scalar/convert.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

/// The axes of a box, outermost first, in a form for kernels.
struct Axes {
  int rank = 0;
  Axis at[kMaxRank];

  __device__ void walk(int axes, int64_t i, int64_t& from, int64_t& to) const {
    from = 0, to = 0;
    for (int a = axes - 1; a >= 0; --a) {
      const int64_t rest = a == 0 ? 0 : i / at[a].length, here = i - rest * at[a].length;
      from += here * at[a].from, to += here * at[a].to;
      i = rest;
    }
  }
};

template <class W> __global__ void copy_words(const __grid_constant__ Axes axes, int64_t n, const W* x, W* y) {
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride()) {
    int64_t from, to;
    axes.walk(axes.rank, i, from, to);
    y[to] = x[from];
  }
}

constexpr int kTile = 32, kRows = 8;  // a block is 32 x 8 threads

/// The last two axes are p, along which x is contiguous, and q, along which y is contiguous.
template <class W>
__global__ void copy_transposed(const __grid_constant__ Axes axes, int64_t down, int64_t across, int64_t tiles,
                                const W* x, W* y) {
  SHARED(W, tile, [kTile][kTile + 1]);
  const Axis p = axes.at[axes.rank - 2], q = axes.at[axes.rank - 1];
  const int lane = int(threadIdx.x) % kTile, row = int(threadIdx.x) / kTile;
  for (int64_t t = blockIdx.x; t < tiles; t += gridDim.x) {
    int64_t from, to;
    axes.walk(axes.rank - 2, t / across / down, from, to);
    const int64_t i = t / across % down * kTile, j = t % across * kTile;
    for (int r = row; r < kTile; r += kRows)
      if (i + lane < p.length && j + r < q.length) tile[r][lane] = x[from + i + lane + (j + r) * q.from];
    __syncthreads();
    for (int r = row; r < kTile; r += kRows)
      if (i + r < p.length && j + lane < q.length) y[to + (i + r) * p.to + j + lane] = tile[lane][r];
    __syncthreads();  // before the next tile is written
  }
}

template <class W> void by_words(Cuda where, const std::vector<Axis>& axes, const void* x, void* y) {
  Axes device;
  int64_t n = 1;
  for (const Axis& a : axes) device.at[device.rank++] = a, n *= a.length;
  cuda::launch(where, "copy_box", cuda::blocks(n), cuda::kThreads, 0, copy_words<W>, device, n,
               static_cast<const W*>(x), static_cast<W*>(y));
}

template <class W> void by_tiles(Cuda where, const std::vector<Axis>& axes, const void* x, void* y) {
  Axes device;
  for (const Axis& a : axes) device.at[device.rank++] = a;
  const Axis p = axes[axes.size() - 2], q = axes.back();
  const int64_t down = ceil_div(p.length, kTile), across = ceil_div(q.length, kTile);
  int64_t tiles = down * across;
  for (size_t a = 0; a + 2 < axes.size(); ++a) tiles *= axes[a].length;
  cuda::launch(where, "copy_transposed", cuda::blocks(tiles, 1), kTile * kRows, 0, copy_transposed<W>, device, down,
               across, tiles, static_cast<const W*>(x), static_cast<W*>(y));
}

template <class To> struct Convert {
  template <class From> CAMO_HD auto operator()(From x) const {
    if constexpr (std::is_same_v<To, bf16>) return float(x);  // the map rounds the result
    else return convert<To>(x);
  }
};

}  // namespace

void copy_box(Cuda where, const Shape& box, const Tensor& x, const Walk& from, Tensor y, const Walk& to) {
  if (box.numel() == 0) return;
  std::vector<Axis> axes = joined_axes(box, from, to);
  const int64_t size = size_of(x.dtype());
  const char* in = static_cast<const char*>(x.raw()) + from.begin * size;
  char* out = static_cast<char*>(y.raw_write()) + to.begin * size;
  Axis& last = axes.back();
  if (last.from == 1 && last.to == 1) {  // runs: use the widest word that fits all of them
    int64_t bytes = cuda::address(in) | cuda::address(out) | last.length * size;
    for (size_t a = 0; a + 1 < axes.size(); ++a) bytes |= axes[a].from * size | axes[a].to * size;
    return cuda::with_word(bytes, [&]<class W>() {
      for (size_t a = 0; a + 1 < axes.size(); ++a)
        axes[a].from = axes[a].from * size / int64_t(sizeof(W)), axes[a].to = axes[a].to * size / int64_t(sizeof(W));
      last.length = last.length * size / int64_t(sizeof(W));
      by_words<W>(where, axes, in, out);
    });
  }
  constexpr int64_t kNarrow = 8;  // shorter rows would leave most of a tile empty
  auto p = std::find_if(axes.begin(), axes.end(), [](const Axis& a) { return a.from == 1 && a.length >= kNarrow; });
  const bool transpose = p != axes.end() && last.to == 1 && last.from > 1 && last.length >= kNarrow;
  if (transpose) std::rotate(p, p + 1, axes.end() - 1);  // move it next to the last axis
  cuda::with_word(size, [&]<class W>() {
    if constexpr (sizeof(W) <= 8) transpose ? by_tiles<W>(where, axes, in, out) : by_words<W>(where, axes, in, out);
  });
}

void concat(Cuda where, const std::vector<Tensor>& parts, int64_t rows, Tensor y) {
  if (y.numel() == 0) return;
  const int64_t width = y.numel() / rows;
  int64_t begin = 0;
  for (const Tensor& part : parts) {
    const int64_t n = part.numel() / rows;
    copy_box(where, {rows, n}, part, {0, {n, 1}}, y, {begin, {width, 1}});
    begin += n;
  }
}

void cast(Cuda where, const Tensor& x, Tensor y) {
  if (x.dtype() == y.dtype()) return cuda::copy(where, x.raw(), y.raw_write(), x.bytes());
  with_any(x.dtype(), [&]<class From>() {
    with_any(y.dtype(), [&]<class To>() {
      if constexpr (!std::is_same_v<From, To>)
        cuda::map(where, "cast", x.numel(), Convert<To>{}, y.write<To>(), x.read<From>());
    });
  });
}

}  // namespace camo::kernel
