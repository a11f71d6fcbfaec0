#include "examples/camo/augment.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/image.h"
#include "tensor/ops/layout.h"

namespace camo::program {
namespace {

constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};  // ImageNet

/// rgb in [0, 1] -> a rgb + b: brightness, contrast about mid grey and saturation are one such map.
struct Colour {
  float a[3][3], b;

  explicit Colour(const Drawn& d) {
    const double luma[] = {0.299, 0.587, 0.114}, gain = d.brightness * d.contrast;
    for (int i = 0; i < 3; ++i)
      for (int j = 0; j < 3; ++j)
        a[i][j] = float(gain * ((1 - d.saturation) * luma[j] + (i == j ? d.saturation : 0)));
    b = float(0.5 * (1 - d.contrast));
  }
  std::array<float, 3> operator()(const std::array<float, 3>& rgb) const {
    std::array<float, 3> out;
    for (int i = 0; i < 3; ++i)
      out[i] = std::clamp(a[i][0] * rgb[0] + a[i][1] * rgb[1] + a[i][2] * rgb[2] + b, 0.0f, 1.0f);
    return out;
  }
};

/// Mirrors a position at the centres of the border pixels 0 and n - 1.
double mirrored(double x, int64_t n) {
  if (n == 1) return 0;
  double period = 2.0 * double(n - 1);
  x = std::fabs(std::fmod(x, period));
  return x > double(n - 1) ? period - x : x;
}

/// Bilinear value of channel c at (y, x), inside the picture.
float at(const uint8_t* p, int64_t W, int64_t C, int64_t H, double y, double x, int64_t c) {
  int64_t y0 = int64_t(y), x0 = int64_t(x), y1 = std::min(y0 + 1, H - 1), x1 = std::min(x0 + 1, W - 1);
  float v = float(y - double(y0)), u = float(x - double(x0));
  auto value = [&](int64_t yy, int64_t xx) { return float(p[(yy * W + xx) * C + c]); };
  float above = value(y0, x0) * (1 - u) + value(y0, x1) * u,
        below = value(y1, x0) * (1 - u) + value(y1, x1) * u;
  return above * (1 - v) + below * v;
}

Tensor cropped(const Tensor& x, const Drawn& d) {
  auto range = [](double begin, double share, int64_t n) {
    int64_t length = std::clamp<int64_t>(std::llround(share * double(n)), 1, n);
    int64_t first = std::clamp<int64_t>(std::llround(begin * double(n)), 0, n - length);
    return std::pair(first, first + length);
  };
  auto [y0, y1] = range(d.top, d.height, x.dim(0));
  auto [x0, x1] = range(d.left, d.width, x.dim(1));
  Tensor rows = x.slice(y0, y1);
  return x1 - x0 == x.dim(1) ? rows : slice(rows, 1, x0, x1);
}

}  // namespace

Drawn draw(const RandomKey& key) {
  Random random(key);
  Drawn d;
  d.height = random.uniform(0.65, 1), d.width = random.uniform(0.65, 1);
  d.top = random.uniform(0, 1 - d.height), d.left = random.uniform(0, 1 - d.width);
  bool turn = random.uniform() < 0.5;
  double angle = random.uniform(-0.26, 0.26);  // 15 degrees
  if (turn) d.angle = angle;
  d.flip = random.uniform() < 0.5;
  d.brightness = random.uniform(0.8, 1.2), d.contrast = random.uniform(0.8, 1.2),
  d.saturation = random.uniform(0.8, 1.2);
  return d;
}

Sample transform(const Picture& picture, ImageSize size, const Drawn& d) {
  const int64_t H = size.height, W = size.width;
  Tensor image = resize_image(cropped(picture.image, d), H, W),
         mask = resize_image(cropped(picture.mask, d), H, W);
  Sample out{empty({H, W, 3}, DType::f32), empty({H, W, 1}, DType::f32)};
  const uint8_t *from = image.read<uint8_t>(), *truth = mask.read<uint8_t>();
  float *to = out.image.write<float>(), *to_mask = out.mask.write<float>();
  const Colour colour(d);
  const double c = std::cos(d.angle), s = std::sin(d.angle), cy = double(H - 1) / 2, cx = double(W - 1) / 2;
  for (int64_t i = 0; i < H; ++i)
    for (int64_t j = 0; j < W; ++j) {
      double dy = double(i) - cy, dx = (d.flip ? double(W - 1 - j) : double(j)) - cx;
      double y = cy + dy, x = cx + dx;
      if (d.angle != 0) y = mirrored(cy + c * dy - s * dx, H), x = mirrored(cx + s * dy + c * dx, W);
      std::array<float, 3> rgb;
      for (int k = 0; k < 3; ++k) rgb[k] = at(from, W, 3, H, y, x, k) / 255;
      rgb = colour(rgb);
      for (int k = 0; k < 3; ++k) to[(i * W + j) * 3 + k] = (rgb[k] - kMean[k]) / kDeviation[k];
      to_mask[i * W + j] = at(truth, W, 1, H, y, x, 0) > 128 ? 1.0f : 0.0f;
    }
  return out;
}

Sample plain(const Picture& picture, ImageSize size) { return transform(picture, size, Drawn{}); }

Tensor normalised(const Tensor& image, ImageSize size) {
  Tensor small = resize_image(image, size.height, size.width), out = empty(small.shape(), DType::f32);
  const uint8_t* from = small.read<uint8_t>();
  float* to = out.write<float>();
  for (int64_t i = 0; i < small.numel(); ++i)
    to[i] = (float(from[i]) / 255 - kMean[i % 3]) / kDeviation[i % 3];
  return out;
}

}  // namespace camo::program
