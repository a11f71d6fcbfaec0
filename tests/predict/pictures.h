// Photographs and maps for the tests of examples/camo/predict.
#pragma once

#include <algorithm>
#include <cmath>

#include "examples/camo/data/synth.h"
#include "tensor/image/image.h"
#include "tensor/random.h"

namespace camo::test {

/// A photograph (H, W, 3) of one colour.
inline Tensor constant_photograph(int64_t height, int64_t width, uint8_t value) {
  return full({height, width, 3}, value, DType::u8);
}

/// A photograph (H, W, 3) whose bytes are random.
inline Tensor random_photograph(int64_t height, int64_t width, uint64_t seed) {
  Tensor out = empty({height, width, 3}, DType::u8);
  Random random({.seed = seed, .domain = Domain::test});
  for (int64_t i = 0; i < out.numel(); ++i) out.write<uint8_t>()[i] = uint8_t(random.below(256));
  return out;
}

/// A map f32 (H, W, 1) as a network predicts: the mask at an eighth of the size, enlarged, less sure than black and white,
/// with noise of this standard deviation in the logits.
inline Tensor imagined_probabilities(const Tensor& mask, uint64_t seed, double noise = 0.5) {
  const int64_t h = mask.dim(0), w = mask.dim(1);
  const Tensor coarse = resize_image(resize_image(mask, h / 8 + 1, w / 8 + 1), h, w);
  Tensor out = empty({h, w, 1}, DType::f32);
  Random random({.seed = seed, .domain = Domain::test});
  for (int64_t i = 0; i < h * w; ++i) {
    const double logit = 6 * (coarse.read<uint8_t>()[i] / 255.0 - 0.5) + noise * random.normal();
    out.write<float>()[i] = float(1 / (1 + std::exp(-logit)));
  }
  return out;
}

/// A red disc on green, with noise.  mask u8 (size, size, 1): 255 in the disc.
inline program::SynthPair disc(int64_t size) {
  program::SynthPair out{empty({size, size, 3}, DType::u8), empty({size, size, 1}, DType::u8)};
  Random random({.seed = 7, .domain = Domain::test});
  for (int64_t i = 0; i < size * size; ++i) {
    const double y = double(i / size) - 0.5 * double(size), x = double(i % size) - 0.45 * double(size);
    const bool inside = y * y + x * x < 0.07 * double(size * size);
    const double colour[2][3] = {{60, 120, 80}, {190, 70, 60}};
    out.mask.write<uint8_t>()[i] = inside ? 255 : 0;
    for (int c = 0; c < 3; ++c)
      out.image.write<uint8_t>()[3 * i + c] = uint8_t(std::clamp(colour[inside][c] + 8 * random.normal(), 0.0, 255.0));
  }
  return out;
}

/// Intersection over union of map > 1/2 with the mask.
inline double iou_at_half(const Tensor& map, const Tensor& mask) {
  int64_t both = 0, either = 0;
  for (int64_t i = 0; i < map.numel(); ++i) {
    const bool a = map.read<float>()[i] > 0.5f, b = mask.read<uint8_t>()[i] > 128;
    both += a && b, either += a || b;
  }
  return double(both) / double(either);
}

/// The largest difference of two maps.
inline double largest_difference(const Tensor& a, const std::vector<double>& b) {
  double out = 0;
  for (int64_t i = 0; i < a.numel(); ++i) out = std::max(out, std::abs(double(a.read<float>()[i]) - b[size_t(i)]));
  return out;
}

}  // namespace camo::test
