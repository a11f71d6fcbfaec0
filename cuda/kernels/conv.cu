// Dense convolution as a matrix product of windows and filters, without tensor cores; implements cuda/kernels/conv.cuh.
//
// A block of 256 threads computes a tile of (16 TM) x 64 results, each thread TM x 4 of them in registers.  The sum
// runs over taps and channels in slices of 16.  While one slice is multiplied from shared memory, the next is loaded
// through registers into the other half of it.  Windows are gathered from x during that load, four channels at once if
// C is a multiple of 4, so there is no im2col copy.  Each result is one chain of multiply-adds in a fixed order,
// whatever the number of pixels.
//   forward, input gradient   rows are pixels, columns are filters, the sum runs over the window
//   weight gradient           rows are filters, columns the numbers of a window, the sum runs over a chunk of pixels;
//                             chunks are cut by the shape alone and added in order (column_sums)
// Bound by arithmetic, 2 pixels N kh kw C flops: per slice a thread does TM / 4 + 1 loads of four numbers for 4 TM
// multiply-adds per k.
// Register tiles: Volkov, Demmel 2008, doi 10.1109/SC.2008.5214359.
#include <tuple>

#include "cuda/kernels/conv.cuh"
#include "cuda/tools/warp.cuh"
#include "tensor/ops/matmul.h"

namespace camo::cuda {
namespace {

constexpr int kColumns = 64, kDepth = 16;                         // columns per tile; depth of a slice of the sum
template <class T> constexpr int kTall = sizeof(T) == 8 ? 4 : 8;  // TM: a tile of f64 is half as high

template <class T> using Quad = Pack<T, 4>;

/// Loads element e of q, or all four if they are neighbours; zeros if p is null.
template <bool kVec, class T> __device__ void take(Quad<T>& q, int e, const T* p) {
  if constexpr (kVec) q = p ? *reinterpret_cast<const Quad<T>*>(p) : Quad<T>{};
  else q.at[e] = p ? *p : T{};
}

/// The tap and channel of number k of a window.
struct Place {
  int row, column, c;

  __device__ Place(const Pass& p, int k) : row(0), column(0), c(0) { advance(p, k); }
  __device__ void advance(const Pass& p, int by) {
    for (c += by; c >= p.C && inside(p); c -= p.C)
      if (++column == p.cols.taps) column = 0, ++row;
  }
  __device__ bool inside(const Pass& p) const { return row < p.rows.taps; }
  /// Its position in a filter.
  __device__ int64_t weight(const Pass& p) const {
    const int tap = (p.rows.first + row * p.rows.every) * p.kw + p.cols.first + column * p.cols.every;
    return int64_t(tap) * p.C + c;
  }
  /// Its address for the window that begins at (h, w) of an image; null outside the image.
  template <class T> __device__ const T* read(const Pass& p, const T* image, int h, int w) const {
    h += row * p.rows.delta, w += column * p.cols.delta;
    if (!inside(p) || h < 0 || h >= p.rows.source || w < 0 || w >= p.cols.source) return nullptr;
    return image + (int64_t(h) * p.cols.source + w) * p.groups * p.C + c;
  }
};

/// A pixel of the result: where its window begins, and its position.
struct Site {
  int64_t image, result;  // offsets; result -1: no pixel
  int h, w;

  Site() = default;
  __device__ Site(const Pass& p, int64_t m, int group) : image(0), result(-1), h(0), w(0) {
    if (m >= p.pixels()) return;
    const int64_t line = m / p.cols.outputs, b = line / p.rows.outputs;
    const int j = int(m - line * p.cols.outputs), i = int(line - b * p.rows.outputs);
    h = i * p.rows.step + p.rows.base, w = j * p.cols.step + p.cols.base;
    image = b * p.rows.source * p.cols.source * p.groups * p.C + int64_t(group) * p.C;
    const int64_t y = p.rows.phase + int64_t(i) * p.rows.over, x = p.cols.phase + int64_t(j) * p.cols.over;
    result = ((b * p.rows.length + y) * p.cols.length + x) * p.groups * p.N + int64_t(group) * p.N;
  }
};

/// sums += left right over one slice.  Of 16 x 16 threads, thread (t / 16, t % 16) has rows 64 i + 4 (t
/// / 16) + r, r < 4.
template <int TM, int kLeft, int kRight, class A>
__device__ void multiply(const Quad<A> (&left)[kDepth][kLeft], const Quad<A> (&right)[kDepth][kRight],
                         A (&sums)[TM][4]) {
  const int tx = int(threadIdx.x) % 16, ty = int(threadIdx.x) / 16;
  for (int k = 0; k < kDepth; ++k) {
    const Quad<A> b = right[k][tx];
    for (int i = 0; i < TM / 4; ++i) {
      const Quad<A> a = left[k][i * 16 + ty];
      for (int r = 0; r < 4; ++r)
        for (int c = 0; c < 4; ++c) sums[i * 4 + r][c] += a.at[r] * b.at[c];
    }
  }
}

/// Stores four neighbours of a row of N numbers, but none past its end; `whole`: rows are whole packs.
template <class T, class A>
__device__ void store(const A (&sums)[4], const Quad<A>& bias, T* row, int n, int N, bool whole) {
  Quad<T> out;
  for (int c = 0; c < 4; ++c) out.at[c] = narrow<T>(sums[c] + bias.at[c]);
  if (whole && n < N) *reinterpret_cast<Quad<T>*>(row + n) = out;
  else
    for (int c = 0; c < 4; ++c)
      if (n + c < N) row[n + c] = out.at[c];
}

// Blocks: tile of columns, then of pixels, then group.  Thread t loads numbers 4 (t % 4) ... + 3 of a slice, for pixels
// t / 4 + 64 l and filter t / 4.
template <class T, class A, int TM, bool kVec>
__global__ void __launch_bounds__(kThreads, 2)
    conv_tiles(Pass p, const T* x, const A* weight, const A* bias, T* y, bool whole) {
  constexpr int kRows = 16 * TM, kLoads = kRows / 64, kPlaces = kVec ? 1 : 4;
  SHARED(Quad<A>, left, [2][kDepth][kRows / 4 + 1]);
  SHARED(Quad<A>, right, [2][kDepth][kColumns / 4 + 1]);
  SHARED(Site, sites, [kRows]);
  const int t = int(threadIdx.x), mine = t / 4, depth = t % 4 * 4;
  const int64_t columns = (p.N + kColumns - 1) / kColumns, rows = (p.pixels() + kRows - 1) / kRows;
  const int64_t above = blockIdx.x / columns, m0 = above % rows * kRows;
  const int n0 = int(blockIdx.x % columns) * kColumns, group = int(above / rows), n = n0 + mine;
  const int64_t filter = int64_t(p.kh) * p.kw * p.C;
  weight += (int64_t(group) * p.N + n) * filter;
  for (int r = t; r < kRows; r += kThreads) sites[r] = Site(p, m0 + r, group);
  __syncthreads();

  Place places[4] = {{p, depth}, {p, depth + 1}, {p, depth + 2}, {p, depth + 3}};
  Quad<T> window[kLoads];
  Quad<A> taps;
  const auto fetch = [&] {
    for (int e = 0; e < kPlaces; ++e) {
      for (int l = 0; l < kLoads; ++l) {
        const Site& site = sites[mine + 64 * l];
        take<kVec>(window[l], e, site.result < 0 ? nullptr : places[e].read(p, x + site.image, site.h, site.w));
      }
      take<kVec>(taps, e, n < p.N && places[e].inside(p) ? weight + places[e].weight(p) : nullptr);
      places[e].advance(p, kDepth);
    }
  };
  const auto stash = [&](int half) {
    for (int e = 0; e < 4; ++e) {
      for (int l = 0; l < kLoads; ++l) left[half][depth + e][mine / 4 + 16 * l].at[mine % 4] = widen(window[l].at[e]);
      right[half][depth + e][mine / 4].at[mine % 4] = taps.at[e];
    }
  };

  A sums[TM][4] = {};
  const int slices = int((int64_t(p.rows.taps) * p.cols.taps * p.C + kDepth - 1) / kDepth);
  fetch();
  for (int s = 0; s < slices; ++s) {
    stash(s % 2);
    __syncthreads();
    if (s + 1 < slices) fetch();
    multiply<TM>(left[s % 2], right[s % 2], sums);
  }
  const int tx = t % 16, ty = t / 16, column = n0 + tx * 4;
  Quad<A> shift{};
  for (int c = 0; c < 4; ++c)
    if (bias && column + c < p.N) shift.at[c] = bias[int64_t(group) * p.N + column + c];
  for (int r = 0; r < TM; ++r)
    if (const int64_t result = sites[r / 4 * 64 + ty * 4 + r % 4].result; result >= 0)
      store(sums[r], shift, y + result, column, p.N, whole);
}

/// An output pixel, advanced by kDepth pixels per slice.
struct Walker {
  int64_t m, b;
  int i, j;

  __device__ Walker(const Pass& p, int64_t m) : m(m), b(0), i(0), j(0) {
    const int64_t line = m / p.cols.outputs;
    b = line / p.rows.outputs, i = int(line - b * p.rows.outputs), j = int(m - line * p.cols.outputs);
  }
  __device__ void advance(const Pass& p) {
    m += kDepth;
    for (j += kDepth; j >= p.cols.outputs; j -= p.cols.outputs)
      if (++i == p.rows.outputs) i = 0, ++b;
  }
};

// Blocks: tile of columns, then of filters, then group, then chunk of pixels.  Thread t loads numbers 4 (t %
// 16) ... + 3 of the tile's columns for pixel t / 16 of a slice, and filters 4 (t % kWide) ... + 3 for pixels t
// / kWide + l kStep.
// parts (chunks, groups, N, kh kw C).
template <class T, class A, int TM, bool kVec>
__global__ void __launch_bounds__(kThreads, 2)
    conv_weight_tiles(Pass p, const T* dy, const T* x, A* parts, int64_t chunk, bool whole) {
  constexpr int kRows = 16 * TM, kWide = kRows / 4, kStep = kThreads / kWide, kLoads = kDepth / kStep;
  constexpr int kPlaces = kVec ? 1 : 4;
  SHARED(Quad<A>, left, [2][kDepth][kRows / 4]);
  SHARED(Quad<A>, right, [2][kDepth][kColumns / 4]);
  const int filter = p.kh * p.kw * p.C, t = int(threadIdx.x);
  const int64_t columns = (filter + kColumns - 1) / kColumns, rows = (p.N + kRows - 1) / kRows;
  const int n0 = int(blockIdx.x % columns) * kColumns, o0 = int(blockIdx.x / columns % rows) * kRows;
  const int64_t above = blockIdx.x / columns / rows, part = above / p.groups, begin = part * chunk;
  const int group = int(above % p.groups), n = n0 + t % 16 * 4, o = o0 + t % kWide * 4;
  const int64_t end = p.pixels() < begin + chunk ? p.pixels() : begin + chunk;
  const int64_t image = int64_t(p.rows.source) * p.cols.source * p.groups * p.C;
  x += int64_t(group) * p.C, dy += int64_t(group) * p.N;

  const Place places[4] = {{p, n}, {p, n + 1}, {p, n + 2}, {p, n + 3}};
  Walker at(p, begin + t / 16);
  int64_t slice = begin;  // first pixel of the slice
  Quad<T> window, errors[kLoads];
  const auto fetch = [&] {
    for (int e = 0; e < kPlaces; ++e)
      take<kVec>(window, e,
                 at.m >= end ? nullptr
                             : places[e].read(p, x + at.b * image, at.i * p.rows.step + p.rows.base,
                                              at.j * p.cols.step + p.cols.base));
    for (int l = 0; l < kLoads; ++l) {
      const int64_t m = slice + t / kWide + l * kStep;
      for (int e = 0; e < kPlaces; ++e)
        take<kVec>(errors[l], e, m < end && o + e < p.N ? dy + m * p.groups * p.N + o + e : nullptr);
    }
    at.advance(p), slice += kDepth;
  };
  const auto stash = [&](int half) {
    for (int e = 0; e < 4; ++e) {
      right[half][t / 16][t % 16].at[e] = widen(window.at[e]);
      for (int l = 0; l < kLoads; ++l) left[half][t / kWide + l * kStep][t % kWide].at[e] = widen(errors[l].at[e]);
    }
  };

  A sums[TM][4] = {};
  const int64_t slices = (end - begin + kDepth - 1) / kDepth;
  fetch();
  for (int64_t s = 0; s < slices; ++s) {
    stash(int(s % 2));
    __syncthreads();
    if (s + 1 < slices) fetch();
    multiply<TM>(left[s % 2], right[s % 2], sums);
  }
  const int tx = t % 16, ty = t / 16;
  parts += (part * p.groups + group) * p.N * filter;
  for (int r = 0; r < TM; ++r)
    if (const int row = o0 + r / 4 * 64 + ty * 4 + r % 4; row < p.N)
      store(sums[r], Quad<A>{}, parts + int64_t(row) * filter, n0 + tx * 4, filter, whole);
}

template <class T> bool packs(const T* p, int64_t length) {
  return length % 4 == 0 && reinterpret_cast<uintptr_t>(p) % alignof(Quad<T>) == 0;
}
int64_t tiles(int64_t n, int64_t size) { return (n + size - 1) / size; }

}  // namespace

template <class T>
void conv_pass(Cuda where, const Pass& p, const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y) {
  using A = acc_t<T>;
  constexpr int TM = kTall<A>;
  const auto run = packs(x, p.C) && packs(weight, p.C) ? conv_tiles<T, A, TM, true> : conv_tiles<T, A, TM, false>;
  const int64_t blocks = tiles(p.N, kColumns) * tiles(p.pixels(), 16 * TM) * p.groups;
  launch(where, "conv2d", dim3(unsigned(blocks)), kThreads, 0, run, p, x, weight, bias, y, packs(y, p.N));
}

template <class T> void conv_weight_pass(Cuda where, const Pass& p, const T* dy, const T* x, Tensor dweight) {
  using A = acc_t<T>;
  constexpr int TM = kTall<A>;
  constexpr int64_t kBlocks = 512, kShortest = 256, kLongest = 4096;  // chunks that fill a GPU; short f32 sums
  const int filter = p.kh * p.kw * p.C;
  const int64_t products = tiles(p.N, 16 * TM) * tiles(filter, kColumns) * p.groups;
  const int64_t chunk = std::clamp(tiles(p.pixels() * products, kBlocks * kDepth) * kDepth, kShortest, kLongest);
  const int64_t chunks = std::max<int64_t>(tiles(p.pixels(), chunk), 1);
  const bool vectors = packs(x, p.C) && packs(dy, p.N);
  const auto run = vectors ? conv_weight_tiles<T, A, TM, true> : conv_weight_tiles<T, A, TM, false>;
  Tensor sums = dweight.reshape({1, dweight.numel()});
  Tensor parts = chunks == 1 ? sums : empty({chunks, dweight.numel()}, dweight.dtype(), dweight.device());
  A* to = parts.write<A>();
  launch(where, "conv2d_weight_grad", dim3(unsigned(products * chunks)), kThreads, 0, run, p, dy, x, to, chunk,
         packs(to, filter));
  if (chunks > 1) kernel::column_sums(where, parts, sums);
}

// Taking a function's address makes the compiler emit it; that is all the tuple is for.
template <class... T> constexpr auto conv_passes_of = std::make_tuple(&conv_pass<T>..., &conv_weight_pass<T>...);
auto conv_passes = conv_passes_of<float, double, bf16>;

}  // namespace camo::cuda
