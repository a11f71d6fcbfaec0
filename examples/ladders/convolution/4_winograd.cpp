// Rung 4: 36 multiplications for 16 outputs instead of 144 (Winograd 1980; Lavin, Gray 2016, arXiv:1509.09308).
//
// A tile of 6 x 6 inputs and the kernel are transformed, multiplied place by place, and transformed back.  With channels each of the 36
// places is a product of (tiles, C) by (C, O).  Left to win: what the transforms write for the whole image does not stay in a cache.
#include <algorithm>

#include "examples/ladders/convolution/convolution.h"
#include "tensor/cpu/kernels/winograd_transforms.h"

namespace camo::ladder {
namespace {

/// Calls f(c, n) for vectors of n channels that begin at c.
template <class F> void each_vector(int64_t channels, const F& f) {
  for (int64_t c = 0; c < channels; c += kLanes) f(c, int(std::min<int64_t>(kLanes, channels - c)));
}

}  // namespace

WinogradWeights::WinogradWeights(const Convolution& c)
    : plain(36 * c.C * c.O), packed(36 * (c.O / kStrip * kStrip * c.C) + 1), packed_size(c.O / kStrip * kStrip * c.C) {
  const Turned turned(c);
  each_vector(c.C * c.O, [&](int64_t at, int n) {  // (C, O) at once, tap after tap
    kernel::f4x3::in_plane<kernel::f4x3::Weights>(
        [&](int u, int v) { return Vec<float>::load(turned.numbers + (u * 3 + v) * c.C * c.O + at, n); },
        [&](int u, int v, Vec<float> g) { g.store(plain + (u * 6 + v) * c.C * c.O + at, n); });
  });
  for (int64_t place = 0; place < 36; ++place) {
    const Packed one({0, c.O, c.C, nullptr, plain + place * c.C * c.O, nullptr});
    std::copy_n(static_cast<const float*>(one.numbers), packed_size, packed + place * packed_size);
  }
}

void winograd(const Convolution& c, const WinogradWeights& weights, int64_t begin, int64_t end) {
  const int64_t n = end - begin, across = (c.W + 3) / 4;
  const Scratch<float> in(36 * n * c.C), out(36 * n * c.O);
  for (int64_t t = 0; t < n; ++t) {
    const int64_t top = (begin + t) / across * 4, left = (begin + t) % across * 4;
    each_vector(c.C, [&](int64_t k, int lanes) {
      kernel::f4x3::in_plane<kernel::f4x3::Inputs>(
          [&](int i, int j) {
            const float* x = c.pixel(top + i - 1, left + j - 1);
            return x ? Vec<float>::load(x + k, lanes) : Vec<float>(0);
          },
          [&](int i, int j, Vec<float> v) { v.store(in + ((i * 6 + j) * n + t) * c.C + k, lanes); });
    });
  }
  for (int64_t place = 0; place < 36; ++place)
    product_block({n, c.O, c.C, in + place * n * c.C, weights.plain + place * c.C * c.O, out + place * n * c.O},
                  weights.packed + place * weights.packed_size, 0, n);
  for (int64_t t = 0; t < n; ++t) {
    const int64_t top = (begin + t) / across * 4, left = (begin + t) % across * 4;
    each_vector(c.O, [&](int64_t o, int lanes) {
      kernel::f4x3::in_plane<kernel::f4x3::Outputs>(
          [&](int i, int j) { return Vec<float>::load(out + ((i * 6 + j) * n + t) * c.O + o, lanes); },
          [&](int i, int j, Vec<float> v) {
            if (top + i < c.H && left + j < c.W) v.store(c.y + ((top + i) * c.W + left + j) * c.O + o, lanes);
          });
    });
  }
}

void convolution_4_winograd(const Convolution& c) { winograd(c, WinogradWeights(c), 0, winograd_tiles(c)); }

}  // namespace camo::ladder
