// A normalised convolution: the blurred background over the blurred mask of the background (Knutsson, Westin 1993).
//
// The Gaussian is separable: first along rows, then along columns, on four channels: red, green, blue and the mask.
// Weights are integer multiples of 2^-12 that sum to one, so that a pixel is one integer quotient and the result is
// the same on every machine.  255 * 2^24, and half the divisor for rounding, fit a uint32.
#include "examples/camo/data/blur.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr int kWeightOne = 1 << 12;
constexpr int64_t kChannels = 4;

/// The weights at -radius ... radius.
std::vector<uint32_t> gaussian(double sigma) {
  const int64_t radius = int64_t(std::ceil(3 * sigma));
  std::vector<double> exact;
  double sum = 0;
  for (int64_t k = -radius; k <= radius; ++k) sum += exact.emplace_back(std::exp(-double(k * k) / (2 * sigma * sigma)));
  std::vector<uint32_t> out;
  int64_t rest = kWeightOne;
  for (double w : exact) rest -= out.emplace_back(uint32_t(std::lround(w / sum * kWeightOne)));
  out[size_t(radius)] += uint32_t(rest);
  return out;
}

/// out (W, 4) = the row (W, 4) blurred.
void blur_row(const uint32_t* row, uint32_t* out, int64_t W, const std::vector<uint32_t>& weight) {
  const int64_t radius = int64_t(weight.size() / 2);
  std::fill(out, out + W * kChannels, 0);
  for (int64_t k = std::max(-radius, 1 - W); k <= std::min(radius, W - 1); ++k) {
    const uint32_t w = weight[size_t(k + radius)];
    const int64_t begin = std::max<int64_t>(0, -k) * kChannels, end = std::min(W, W - k) * kChannels;
    for (int64_t i = begin; i < end; ++i) out[i] += w * row[i + k * kChannels];
  }
}

}  // namespace

Tensor blur_background(const Tensor& image, const Tensor& mask, double sigma) {
  auto [H, W, C] = dims<3>(image, "blur_background: image (H, W, 3)");
  check(C == 3 && mask.shape() == Shape{H, W, 1}, "blur_background: takes image (H, W, 3) and mask (H, W, 1), got ",
        image.shape(), " and ", mask.shape());
  check<ConfigError>(sigma > 0, "blur_background: sigma must be above 0, got ", sigma);
  const std::vector<uint32_t> weight = gaussian(sigma);
  const int64_t radius = int64_t(weight.size() / 2), n = W * kChannels;
  const uint8_t *x = image.read<uint8_t>(), *m = mask.read<uint8_t>();
  std::vector<uint32_t> rows(size_t(H * n));
  parallel_for(H, n * 2 * radius, [&, W = W](int64_t y) {
    std::vector<uint32_t> row(static_cast<size_t>(n));
    for (int64_t i = 0; i < W; ++i) {
      const uint32_t background = m[y * W + i] <= 128;
      for (int64_t c = 0; c < 3; ++c) row[size_t(i * kChannels + c)] = background * x[(y * W + i) * 3 + c];
      row[size_t(i * kChannels + 3)] = background;
    }
    blur_row(row.data(), &rows[size_t(y * n)], W, weight);
  });
  Tensor out = image.clone();
  uint8_t* to = out.write<uint8_t>();
  parallel_for(H, n * 2 * radius, [&, H = H, W = W](int64_t y) {
    std::vector<uint32_t> sum(static_cast<size_t>(n));
    for (int64_t k = std::max(-radius, -y); k <= std::min(radius, H - 1 - y); ++k) {
      const uint32_t w = weight[size_t(k + radius)], *from = &rows[size_t((y + k) * n)];
      for (int64_t i = 0; i < n; ++i) sum[size_t(i)] += w * from[i];
    }
    for (int64_t i = 0; i < W; ++i) {
      if (m[y * W + i] > 128) continue;
      const uint32_t* s = &sum[size_t(i * kChannels)];
      for (int64_t c = 0; c < 3; ++c) to[(y * W + i) * 3 + c] = uint8_t((s[c] + s[3] / 2) / s[3]);
    }
  });
  return out;
}

}  // namespace camo::program
