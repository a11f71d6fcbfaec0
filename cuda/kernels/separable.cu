// Linear maps of images on the GPU: average pooling, resizing and their adjoints (tensor/ops/separable.h).
//
// A thread computes a pack of neighbouring channels of one output pixel.
// Few taps: one pass over both axes, columns outside and rows inside.  Bound by memory: x and y are read or written
// once, and the taps of neighbours share the cache.
// Many taps (a global average, or the adjoint of a strong enlargement): first a pass over the rows, then one over
// the columns.  The products per output are then the sum of the two numbers of taps, not their product, for one
// more map in acc_t.
#include "cuda/tools/cached_tables.cuh"
#include "cuda/tools/pack.cuh"
#include "cuda/tools/scratch.cuh"
#include "tensor/ops/separable.h"

namespace camo::kernel {
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
    const cuda::Scratch<A> between(where, whole.B * whole.OH * whole.W * whole.C);
    Sizes first = whole, second = whole;
    first.OW = whole.W, second.H = whole.OH;
    pass(where, first, row_map.taps, Taps{}, x.read<T>(), static_cast<A*>(between));
    pass(where, second, Taps{}, column_map.taps, static_cast<const A*>(between), y.write<T>());
  });
}

}  // namespace camo::kernel
