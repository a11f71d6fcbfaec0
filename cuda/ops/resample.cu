// Pooling and resizing on the GPU: the separable maps of tensor/ops/resample.h, and max pooling.
#include "cuda/tools/cached_tables.cuh"
#include "cuda/tools/pack.cuh"
#include "tensor/memory/scratch.h"
#include "tensor/ops/resample.h"

namespace camo::kernel {

// ---- averages, resizing and their adjoints ----------------------------------------------------------------
//
// A thread computes a pack of neighbouring channels of one output pixel.
// Few taps: one pass over both axes, columns outside and rows inside.  Bound by memory: x and y are read or written
// once, and the taps of neighbours share the cache.
// Many taps (a global average, or the adjoint of a strong enlargement): first a pass over the rows, then one over
// the columns.  The products per output are then the sum of the two numbers of taps, not their product, for one
// more map in acc_t.

namespace {

using cuda::Pack, cuda::kPack;

/// An AxisMap on the device.  Null pointers mean the identity: output i is input i.
struct Taps {
  const int64_t *begin = nullptr, *index = nullptr, *weight = nullptr;  // weights are stored as the bits of doubles

  __device__ int64_t first(int64_t o) const { return begin ? begin[o] : o; }
  __device__ int64_t last(int64_t o) const { return begin ? begin[o + 1] : o + 1; }
  __device__ int64_t input(int64_t t) const { return begin ? index[t] : t; }
  template <class A> __device__ A factor(int64_t t) const { return begin ? A(std::bit_cast<double>(weight[t])) : A(1); }
};

/// The lists of a map, uploaded once, because a network uses the same few maps at every step.
struct DeviceMap {
  Tensor table;
  Taps taps;

  DeviceMap(Cuda where, const AxisMap& map) {
    std::vector<int64_t> numbers = map.begin;
    for (const AxisMap::Tap& tap : map.taps) numbers.push_back(tap.index);
    for (const AxisMap::Tap& tap : map.taps) numbers.push_back(std::bit_cast<int64_t>(tap.weight));
    table = cuda::table(where, std::move(numbers));
    taps.begin = table.read<int64_t>();
    taps.index = taps.begin + map.begin.size();
    taps.weight = taps.index + map.taps.size();
  }
};

struct Sizes {
  int64_t B, H, W, OH, OW, C;
};

template <class From, class To>
__global__ void separable_packs(Sizes s, Taps rows, Taps columns, const From* x, bool aligned, To* y) {
  using A = acc_t<From>;
  constexpr int N = kPack < From >> kPack<To> ? kPack<From> : kPack<To>;
  const int64_t packs = (s.C + N - 1) / N, n = s.B * s.OH * s.OW * packs;
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride()) {
    const int64_t pixel = i / packs, c = (i - pixel * packs) * N, row = pixel / s.OW, image = row / s.OH;
    const int64_t oh = row - image * s.OH, ow = pixel - row * s.OW;
    A sum[N] = {};
    for (int64_t w = columns.first(ow); w < columns.last(ow); ++w) {
      A column[N] = {};
      for (int64_t h = rows.first(oh); h < rows.last(oh); ++h) {
        const From* at = x + ((image * s.H + rows.input(h)) * s.W + columns.input(w)) * s.C + c;
        const Pack<From, N> pack = cuda::load_pack<N>(at, s.C - c, aligned);
        for (int j = 0; j < N; ++j) column[j] += cuda::widen(pack.at[j]) * rows.factor<A>(h);
      }
      for (int j = 0; j < N; ++j) sum[j] += column[j] * columns.factor<A>(w);
    }
    Pack<To, N> out;
    for (int j = 0; j < N; ++j) out.at[j] = To(sum[j]);
    cuda::store_pack<N>(out, y + pixel * s.C + c, s.C - c, aligned);
  }
}

template <class From, class To>
void pass(Cuda where, const Sizes& s, const Taps& rows, const Taps& columns, const From* x, To* y) {
  constexpr int N = kPack < From >> kPack<To> ? kPack<From> : kPack<To>;
  const auto aligned = [&](auto* p) { return reinterpret_cast<uintptr_t>(p) % alignof(Pack<From, N>) == 0; };
  const int64_t n = s.B * s.OH * s.OW * ((s.C + N - 1) / N);
  cuda::launch(where, "separable", cuda::blocks(n), cuda::kThreads, 0, separable_packs<From, To>, s, rows, columns, x,
               aligned(x) && aligned(y) && s.C % N == 0, y);
}

}  // namespace

void separable(Cuda where, const Tensor& x, const AxisMap& rows, const AxisMap& columns, Tensor y) {
  if (y.numel() == 0) return;
  constexpr double kFew = 16;  // products per output, on average
  const Sizes whole{x.dim(0), x.dim(1), x.dim(2), y.dim(1), y.dim(2), x.dim(3)};
  const double products = double(rows.taps.size()) / double(whole.OH) * double(columns.taps.size()) / double(whole.OW);
  const DeviceMap row_map(where, rows), column_map(where, columns);
  with_float(x.dtype(), "separable", [&]<class T>() {
    using A = acc_t<T>;
    if (products <= kFew) return pass(where, whole, row_map.taps, column_map.taps, x.read<T>(), y.write<T>());
    const Scratch<A> between(where, whole.B * whole.OH * whole.W * whole.C);
    Sizes first = whole, second = whole;
    first.OW = whole.W, second.H = whole.OH;
    pass(where, first, row_map.taps, Taps{}, x.read<T>(), static_cast<A*>(between));
    pass(where, second, Taps{}, column_map.taps, static_cast<const A*>(between), y.write<T>());
  });
}

// ---- max pooling, forward and backward --------------------------------------------------------------------
//
// A thread computes a pack of neighbouring channels of one output; in the backward pass, of one input, for which it
// looks at the windows that cover it, so nothing is scattered.  Bound by memory: x once (overlapping windows share the
// cache), y once, and 8 bytes per output for the index of its maximum, which is most of it.

namespace {

struct Geometry {
  int64_t H, W, C, OH, OW, kernel, stride, padding;

  /// Windows [first, last) cover position i of an axis with n windows.
  __device__ int64_t first(int64_t i) const {
    const int64_t past = i + padding - kernel;
    return past < 0 ? 0 : past / stride + 1;
  }
  __device__ int64_t last(int64_t i, int64_t n) const {
    const int64_t end = (i + padding) / stride + 1;
    return end < n ? end : n;
  }
};

Geometry geometry(const Tensor& x, const Tensor& y, const PoolSpec& s) {
  return {x.dim(1), x.dim(2), x.dim(3), y.dim(1), y.dim(2), s.kernel, s.stride, s.padding};
}

template <class T> int64_t packs_of(const Tensor& x) { return (x.dim(3) + kPack<T> - 1) / kPack<T>; }

template <class T>
__global__ void max_pool_packs(Geometry g, const T* x, int64_t n, bool aligned, T* y, int64_t* index) {
  using A = acc_t<T>;
  constexpr int N = kPack<T>;
  const int64_t packs = (g.C + N - 1) / N;
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride()) {
    const int64_t pixel = i / packs, c = (i - pixel * packs) * N, row = pixel / g.OW, image = row / g.OH;
    const int64_t top = (row - image * g.OH) * g.stride - g.padding, left = (pixel - row * g.OW) * g.stride - g.padding;
    const int64_t h0 = top > 0 ? top : 0, h1 = top + g.kernel < g.H ? top + g.kernel : g.H;
    const int64_t w0 = left > 0 ? left : 0, w1 = left + g.kernel < g.W ? left + g.kernel : g.W;
    A best[N];
    int64_t place[N];
    for (int j = 0; j < N; ++j) best[j] = -std::numeric_limits<A>::infinity(), place[j] = h0 * g.W + w0;
    for (int64_t h = h0; h < h1; ++h)
      for (int64_t w = w0; w < w1; ++w) {
        const Pack<T, N> pack = cuda::load_pack<N>(x + ((image * g.H + h) * g.W + w) * g.C + c, g.C - c, aligned);
        for (int j = 0; j < N; ++j) {
          const A v = cuda::widen(pack.at[j]);
          if (v > best[j] || (v != v && best[j] == best[j])) best[j] = v, place[j] = h * g.W + w;
        }
      }
    Pack<T, N> out;
    for (int j = 0; j < N; ++j) out.at[j] = T(best[j]);
    cuda::store_pack<N>(out, y + pixel * g.C + c, g.C - c, aligned);
    for (int j = 0; j < N; ++j)
      if (c + j < g.C) index[pixel * g.C + c + j] = place[j];
  }
}

template <class T>
__global__ void max_pool_gradient(Geometry g, const T* dy, const int64_t* index, int64_t n, bool aligned, T* dx) {
  constexpr int N = kPack<T>;
  const int64_t packs = (g.C + N - 1) / N;
  for (int64_t i = cuda::first_item(); i < n; i += cuda::item_stride()) {
    const int64_t pixel = i / packs, c = (i - pixel * packs) * N, row = pixel / g.W, image = row / g.H;
    const int64_t h = row - image * g.H, w = pixel - row * g.W;
    acc_t<T> sum[N] = {};
    for (int64_t oh = g.first(h); oh < g.last(h, g.OH); ++oh)
      for (int64_t ow = g.first(w); ow < g.last(w, g.OW); ++ow) {
        const int64_t at = ((image * g.OH + oh) * g.OW + ow) * g.C + c;
        const Pack<T, N> pack = cuda::load_pack<N>(dy + at, g.C - c, aligned);
        for (int j = 0; j < N; ++j)
          if (c + j < g.C && index[at + j] == h * g.W + w) sum[j] += cuda::widen(pack.at[j]);
      }
    Pack<T, N> out;
    for (int j = 0; j < N; ++j) out.at[j] = T(sum[j]);
    cuda::store_pack<N>(out, dx + pixel * g.C + c, g.C - c, aligned);
  }
}

}  // namespace

void max_pool(Cuda where, const Tensor& x, const PoolSpec& spec, MaxPoolOut& out) {
  if (out.y.numel() == 0) return;
  with_float(x.dtype(), "max_pool", [&]<class T>() {
    const Geometry g = geometry(x, out.y, spec);
    const int64_t n = out.y.numel() / g.C * packs_of<T>(x);
    const bool aligned = cuda::rows_aligned(x.read<T>(), g.C) && cuda::rows_aligned(out.y.read<T>(), g.C);
    cuda::launch(where, "max_pool", cuda::blocks(n), cuda::kThreads, 0, max_pool_packs<T>, g, x.read<T>(), n, aligned,
                 out.y.write<T>(), out.index.write<int64_t>());
  });
}

void max_pool_backward(Cuda where, const Tensor& dy, const Tensor& index, const PoolSpec& spec, Tensor dx) {
  if (dx.numel() == 0) return;
  with_float(dy.dtype(), "max_pool_backward", [&]<class T>() {
    const Geometry g = geometry(dx, dy, spec);
    const int64_t n = dx.numel() / g.C * packs_of<T>(dx);
    const bool aligned = cuda::rows_aligned(dy.read<T>(), g.C) && cuda::rows_aligned(dx.read<T>(), g.C);
    cuda::launch(where, "max_pool_backward", cuda::blocks(n), cuda::kThreads, 0, max_pool_gradient<T>, g, dy.read<T>(),
                 index.read<int64_t>(), n, aligned, dx.write<T>());
  });
}

}  // namespace camo::kernel
