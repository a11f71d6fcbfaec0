// Depthwise convolution, where every channel has its own filter; implements cuda/kernels/conv.cuh.
//
// Channels are neighbours in memory and in a warp; a thread has four of them if C is a multiple of 4.
//   forward, input gradient   A thread computes four pixels of a row.  With stride 1 and dilation 1, the pixels under
//                             the taps of a row shift by one from output to output: 3 + kw loads instead of 4 kw.
//   weight gradient           A block has a run of channels, four taps of a row of the filter, and a chunk of rows
//                             of y.  Its threads loop over rows and add up as a tree; chunks are added in order
//                             (column_sums).  x and dy are read once for every four taps, from the cache after the
//                             first time.
// With 3 x 3 filters it is bound by memory: the bytes of x and y.
#include <tuple>

#include "cuda/kernels/column_sums.cuh"
#include "cuda/kernels/conv.cuh"
#include "tensor/ops/matmul.h"

namespace camo::cuda {
namespace {

constexpr int kStrip = 4;  // pixels, or taps, per thread

/// N channels of pixel (h, w) in a row of W pixels; zeros if w is outside.
template <int N, class T> __device__ Pack<acc_t<T>, N> pixel(const T* row, int64_t w, int W, int64_t C) {
  Pack<acc_t<T>, N> out{};
  if (w < 0 || w >= W) return out;
  const auto p = *reinterpret_cast<const Pack<T, N>*>(row + w * C);
  for (int e = 0; e < N; ++e) out.at[e] = widen(p.at[e]);
  return out;
}

template <class A, int N> __device__ void add_product(Pack<A, N>& sum, const Pack<A, N>& a, const Pack<A, N>& b) {
  for (int e = 0; e < N; ++e) sum.at[e] += a.at[e] * b.at[e];
}

// Thread: N channels, kStrip pixels.  The next thread has the next channels, or the next strip after the last channels.
template <class T, class A, int N>
__global__ void depthwise_strips(Pass p, const T* x, const A* weight, const A* bias, T* y) {
  const int64_t runs = p.C / N, strips = (p.cols.outputs + kStrip - 1) / kStrip;
  const int64_t items = p.B * p.rows.outputs * strips * runs;
  const bool slides = p.cols.step == p.cols.delta;
  for (int64_t item = first_item(); item < items; item += item_stride()) {
    const int64_t strip = item / runs, line = strip / strips, b = line / p.rows.outputs;
    const int64_t c = (item - strip * runs) * N, j = (strip - line * strips) * kStrip, i = line - b * p.rows.outputs;
    Pack<A, N> sums[kStrip], window[kStrip] = {};
    for (auto& sum : sums) sum = bias ? *reinterpret_cast<const Pack<A, N>*>(bias + c) : Pack<A, N>{};
    for (int u = 0; u < p.rows.taps; ++u) {
      const int64_t h = i * p.rows.step + p.rows.base + u * p.rows.delta;
      if (h < 0 || h >= p.rows.source) continue;
      const T* row = x + (b * p.rows.source + h) * p.cols.source * p.C + c;
      const A* taps = weight + int64_t(p.rows.first + u * p.rows.every) * p.kw * p.C + c;
      for (int v = 0; v < p.cols.taps; ++v) {
        const auto tap = *reinterpret_cast<const Pack<A, N>*>(taps + int64_t(p.cols.first + v * p.cols.every) * p.C);
        const int64_t w = j * p.cols.step + p.cols.base + int64_t(v) * p.cols.delta;  // position under the first pixel
        for (int q = 0; q < kStrip; ++q) {
          if (q + 1 < kStrip && slides && v > 0) window[q] = window[q + 1];
          else window[q] = pixel<N>(row, w + q * p.cols.step, p.cols.source, p.C);
          add_product(sums[q], window[q], tap);
        }
      }
    }
    const int64_t line_of_y = b * p.rows.length + p.rows.phase + i * p.rows.over;
    for (int q = 0; q < kStrip && j + q < p.cols.outputs; ++q) {
      Pack<T, N> out;
      for (int e = 0; e < N; ++e) out.at[e] = narrow<T>(sums[q].at[e]);
      const int64_t column = p.cols.phase + (j + q) * p.cols.over;
      *reinterpret_cast<Pack<T, N>*>(y + (line_of_y * p.cols.length + column) * p.C + c) = out;
    }
  }
}

// Blocks: a run of channels, then four taps, then a chunk of rows.  parts (chunks, C, kh kw).
template <class T, class A, int N>
__global__ void depthwise_weight_rows(Pass p, const T* dy, const T* x, A* parts, int64_t chunk, int lanes) {
  const int t = int(threadIdx.x), quads = (p.kw + kStrip - 1) / kStrip;
  const int64_t runs = (p.C + lanes * N - 1) / (lanes * N), above = blockIdx.x / runs, part = above / (p.kh * quads);
  const int quad = int(above % (p.kh * quads)), u = quad / quads, v = quad % quads * kStrip;
  const int64_t c = (blockIdx.x % runs * lanes + t % lanes) * N;
  const int64_t lines = p.B * p.rows.outputs, end = lines < (part + 1) * chunk ? lines : (part + 1) * chunk;
  const bool slides = p.cols.step == p.cols.delta;
  Pack<A, N> sums[kStrip] = {}, window[kStrip] = {};
  if (c < p.C)
    for (int64_t line = part * chunk + t / lanes; line < end; line += kThreads / lanes) {
      const int64_t b = line / p.rows.outputs, i = line - b * p.rows.outputs;
      const int64_t h = i * p.rows.step + p.rows.base + u * p.rows.delta;
      if (h < 0 || h >= p.rows.source) continue;
      const T* row = x + (b * p.rows.source + h) * p.cols.source * p.C + c;
      const T* errors = dy + line * p.cols.outputs * p.C + c;
      for (int j = 0; j < p.cols.outputs; ++j) {
        const auto error = pixel<N>(errors, j, p.cols.outputs, p.C);
        const int64_t w = int64_t(j) * p.cols.step + p.cols.base + int64_t(v) * p.cols.delta;  // under the first tap
        for (int q = 0; q < kStrip; ++q) {
          if (q + 1 < kStrip && slides && j > 0) window[q] = window[q + 1];
          else window[q] = pixel<N>(row, w + q * p.cols.delta, p.cols.source, p.C);
          add_product(sums[q], window[q], error);
        }
      }
    }
  for (int q = 0; q < kStrip; ++q) {
    const Pack<A, N> sum = fold_columns(sums[q], lanes);
    if (t < lanes && c < p.C && v + q < p.kw)
      for (int e = 0; e < N; ++e) parts[((part * p.C + c + e) * p.kh + u) * p.kw + v + q] = sum.at[e];
  }
}

template <class... T> bool packs(int64_t C, const T*... p) {
  return C % 4 == 0 && ((reinterpret_cast<uintptr_t>(p) % alignof(Pack<T, 4>) == 0) && ...);
}

}  // namespace

template <class T>
void depthwise_pass(Cuda where, const Pass& p, const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y) {
  using A = acc_t<T>;
  const bool whole = packs(p.C, x, weight, bias, static_cast<const T*>(y));
  const auto run = whole ? depthwise_strips<T, A, 4> : depthwise_strips<T, A, 1>;
  const int64_t items = p.B * p.rows.outputs * ((p.cols.outputs + kStrip - 1) / kStrip) * (p.C / (whole ? 4 : 1));
  launch(where, "depthwise", blocks(items), kThreads, 0, run, p, x, weight, bias, y);
}

template <class T> void depthwise_weight_pass(Cuda where, const Pass& p, const T* dy, const T* x, Tensor dweight) {
  using A = acc_t<T>;
  constexpr int64_t kMostChunks = 256;
  const bool whole = packs(p.C, dy, x);
  const auto run = whole ? depthwise_weight_rows<T, A, 4> : depthwise_weight_rows<T, A, 1>;
  const int64_t lines = p.B * p.rows.outputs, runs = p.C / (whole ? 4 : 1);
  const int lanes = column_lanes(runs, lines);
  const int64_t chunk = std::max<int64_t>(kThreads / lanes, (lines + kMostChunks - 1) / kMostChunks);
  const int64_t chunks = std::max<int64_t>((lines + chunk - 1) / chunk, 1);
  const int64_t products = (runs + lanes - 1) / lanes * p.kh * ((p.kw + kStrip - 1) / kStrip);
  Tensor sums = dweight.reshape({1, dweight.numel()});
  Tensor parts = chunks == 1 ? sums : empty({chunks, dweight.numel()}, dweight.dtype(), dweight.device());
  launch(where, "depthwise_weight_grad", dim3(unsigned(products * chunks)), kThreads, 0, run, p, dy, x,
         parts.write<A>(), chunk, lanes);
  if (chunks > 1) kernel::column_sums(where, parts, sums);
}

// Taking a function's address makes the compiler emit it; that is all the tuple is for.
template <class... T>
constexpr auto depthwise_passes_of = std::make_tuple(&depthwise_pass<T>..., &depthwise_weight_pass<T>...);
auto depthwise_passes = depthwise_passes_of<float, double, bf16>;

}  // namespace camo::cuda
