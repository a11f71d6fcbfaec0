// Augmentation of photographs and masks: rotate, flip, change colours, normalise.  It runs on the device that trains,
// so that only bytes are copied to it.
//
// kernel::changed_pixel defines the new pixel once for both devices.  Two steps come before: cropping and resizing
// (tensor/image/image.h), and drawing random changes (examples/camo/data/augment.h).
#pragma once

#include <cmath>

#include "tensor/hd.h"
#include "tensor/tensor.h"

namespace camo {

/// What a network expects of photographs: rgb in [0, 1] becomes (rgb - mean) / deviation.  It belongs to weights and is
/// stored with them.  The default is ImageNet's.
struct Normalisation {
  float mean[3] = {0.485f, 0.456f, 0.406f}, deviation[3] = {0.229f, 0.224f, 0.225f};
  bool operator==(const Normalisation&) const = default;
};
/// What the weights of EfficientNet-Lite expect: (byte - 127) / 128.
constexpr float kLiteMean = 127 / 255.0f, kLiteDeviation = 128 / 255.0f;
constexpr Normalisation kLiteNormalisation{{kLiteMean, kLiteMean, kLiteMean},
                                           {kLiteDeviation, kLiteDeviation, kLiteDeviation}};

/// How a picture is changed; the default changes nothing.
struct PictureChange {
  double angle = 0;   // radians, about the centre; the picture is mirrored at the centres of its outer pixels
  bool flip = false;  // left to right
  float colour[3][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
        shift = 0;  // rgb in [0, 1] -> colour rgb + shift, clamped to [0, 1]
};

/// x (B, H, W, 3) u8 -> (B, H, W, 3) f32: changed (bilinear), then normalised.
/// Throws ShapeError unless there is one change for each picture.
Tensor change_photographs(const Tensor& x, const std::vector<PictureChange>& changes,
                          const Normalisation& normalisation = {});
/// x (B, H, W, 1) u8 -> (B, H, W, 1) f32: rotated and flipped in the same way, then 1 if above 128, else 0.
Tensor change_masks(const Tensor& x, const std::vector<PictureChange>& changes);

namespace kernel {

/// A PictureChange in the form that kernels read.
struct Change {
  double cos, sin;
  float colour[3][3], shift;
  int turn, flip;
};

/// Mirrors a position at the centres of the outer pixels 0 and n - 1.
CAMO_HD inline double mirrored(double x, int64_t n) {
  if (n == 1) return 0;
  const double last = double(n - 1), period = 2 * last;
  x = std::fabs(std::fmod(x, period));
  return x > last ? period - x : x;
}

/// Bilinear value of channel c of p (H, W, C) at (y, x), inside the picture.
CAMO_HD inline float between(const uint8_t* p, int64_t H, int64_t W, int C, double y, double x, int c) {
  const int64_t y0 = int64_t(y), x0 = int64_t(x), y1 = y0 + 1 < H ? y0 + 1 : H - 1, x1 = x0 + 1 < W ? x0 + 1 : W - 1;
  const float v = float(y - double(y0)), u = float(x - double(x0));
  const float above = float(p[(y0 * W + x0) * C + c]) * (1 - u) + float(p[(y0 * W + x1) * C + c]) * u;
  const float below = float(p[(y1 * W + x0) * C + c]) * (1 - u) + float(p[(y1 * W + x1) * C + c]) * u;
  return above * (1 - v) + below * v;
}

/// Pixel (i, j) of the changed picture p (H, W, C): a photograph if C = 3, a mask if C = 1.
template <int C>
CAMO_HD void changed_pixel(const uint8_t* p, int64_t H, int64_t W, const Change& change,
                           const Normalisation& normalisation, int64_t i, int64_t j, float* y) {
  const double cy = double(H - 1) / 2, cx = double(W - 1) / 2;
  const double dy = double(i) - cy, dx = (change.flip ? double(W - 1 - j) : double(j)) - cx;
  double row = cy + dy, column = cx + dx;
  if (change.turn) {
    row = mirrored(cy + change.cos * dy - change.sin * dx, H);
    column = mirrored(cx + change.sin * dy + change.cos * dx, W);
  }
  if constexpr (C == 1) {
    y[0] = between(p, H, W, C, row, column, 0) > 128 ? 1.0f : 0.0f;
  } else {
    float rgb[3];
    for (int c = 0; c < 3; ++c) rgb[c] = between(p, H, W, C, row, column, c) / 255;
    for (int c = 0; c < 3; ++c) {
      const float* a = change.colour[c];
      float v = a[0] * rgb[0] + a[1] * rgb[1] + a[2] * rgb[2] + change.shift;
      v = v < 0 ? 0.0f : v > 1 ? 1.0f : v;
      y[c] = (v - normalisation.mean[c]) / normalisation.deviation[c];
    }
  }
}

/// `changes` holds B structs Change as bytes, on x's device.
void change_pictures(Cpu, const Tensor& x, const Tensor& changes, const Normalisation& normalisation, Tensor y);
void change_pictures(Cuda, const Tensor& x, const Tensor& changes, const Normalisation& normalisation, Tensor y);
}  // namespace kernel

}  // namespace camo
