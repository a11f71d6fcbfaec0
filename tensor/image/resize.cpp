// Antialiased bilinear resize of 8-bit images with a triangle filter: first columns, then rows, rounded to
// 8 bits in between.
//
// Weights are integer multiples of 2^-22, so a pixel is one integer sum and the result is the same on every machine.  8
// bits of pixel, 22 bits of weight and the sign fit an int32.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tensor/image/image.h"
#include "tensor/parallel.h"

namespace camo {
namespace {

constexpr int kWeightBits = 22;

/// For each output position: the first input, and the weights of consecutive inputs from there.
struct Taps {
  int64_t per_output = 0;
  std::vector<int64_t> first;
  std::vector<int> count;
  std::vector<int32_t> weight;  // (out, per_output)
};

Taps triangle_taps(int64_t in, int64_t out) {
  double scale = double(in) / double(out), support = std::max(scale, 1.0);
  Taps taps;
  taps.per_output = int64_t(std::ceil(support)) * 2 + 1;
  taps.first.resize(out), taps.count.resize(out), taps.weight.resize(out * taps.per_output);
  std::vector<double> w(taps.per_output);
  for (int64_t i = 0; i < out; ++i) {
    double center = (double(i) + 0.5) * scale, sum = 0;
    int64_t begin = std::max<int64_t>(int64_t(center - support + 0.5), 0);
    int64_t end = std::min<int64_t>(int64_t(center + support + 0.5), in);
    for (int64_t j = begin; j < end; ++j)
      sum += w[j - begin] = std::max(0.0, 1 - std::abs((double(j) + 0.5 - center) / support));
    taps.first[i] = begin, taps.count[i] = int(end - begin);
    for (int64_t j = 0; j < end - begin; ++j)
      taps.weight[i * taps.per_output + j] = int32_t(std::lround(w[j] / sum * (1 << kWeightBits)));
  }
  return taps;
}

uint8_t rounded(int32_t sum) { return uint8_t(std::clamp((sum + (1 << (kWeightBits - 1))) >> kWeightBits, 0, 255)); }

/// (H, W, C) -> (H, w, C).
template <int kC> void resize_columns(const uint8_t* x, uint8_t* y, int64_t H, int64_t W, int64_t w, int64_t channels) {
  const int64_t C = kC ? kC : channels;
  const Taps taps = triangle_taps(W, w);
  parallel_for(H, w * C * taps.per_output, [&](int64_t row) {
    for (int64_t i = 0; i < w; ++i) {
      const uint8_t* in = x + (row * W + taps.first[i]) * C;
      const int32_t* weight = &taps.weight[i * taps.per_output];
      for (int64_t c = 0; c < C; ++c) {
        int32_t sum = 0;
        for (int j = 0; j < taps.count[i]; ++j) sum += weight[j] * in[j * C + c];
        y[(row * w + i) * C + c] = rounded(sum);
      }
    }
  });
}

/// (H, R) -> (h, R), with R numbers per row.
void resize_rows(const uint8_t* x, uint8_t* y, int64_t H, int64_t h, int64_t R) {
  const Taps taps = triangle_taps(H, h);
  parallel_chunks(h, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, R * taps.per_output)),
                  [&](int64_t begin, int64_t end) {
                    std::vector<int32_t> sum(R);
                    for (int64_t i = begin; i < end; ++i) {
                      std::fill(sum.begin(), sum.end(), 0);
                      for (int j = 0; j < taps.count[i]; ++j) {
                        const uint8_t* in = x + (taps.first[i] + j) * R;
                        const int32_t weight = taps.weight[i * taps.per_output + j];
                        for (int64_t r = 0; r < R; ++r) sum[r] += weight * in[r];
                      }
                      for (int64_t r = 0; r < R; ++r) y[i * R + r] = rounded(sum[r]);
                    }
                  });
}

}  // namespace

Tensor resize_image(const Tensor& image, int64_t h, int64_t w) {
  auto [H, W, C] = dims<3>(image, "resize_image: x (H, W, C)");
  check<DTypeError>(image.dtype() == DType::u8, "resize_image: takes u8, got ", image.dtype());
  check(h >= 0 && w >= 0, "resize_image: sizes must not be negative, got ", h, " x ", w);
  check(image.numel() > 0 || h * w * C == 0, "resize_image: cannot enlarge an empty image ", image.shape());
  Tensor y = image.clone();
  if (W != w) {
    Tensor x = std::exchange(y, empty({H, w, C}, DType::u8));
    if (y.numel()) {
      auto columns = C == 3 ? resize_columns<3> : C == 1 ? resize_columns<1> : resize_columns<0>;
      columns(x.read<uint8_t>(), y.write<uint8_t>(), H, W, w, C);
    }
  }
  if (H != h) {
    Tensor x = std::exchange(y, empty({h, w, C}, DType::u8));
    if (y.numel()) resize_rows(x.read<uint8_t>(), y.write<uint8_t>(), H, h, w * C);
  }
  return y;
}

}  // namespace camo
