// Compares augmentation with results known in closed form: a quarter turn moves whole pixels, a colour map is
// a matrix product.
#include "tensor/ops/augment.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numbers>

using namespace camo;

namespace {

constexpr int64_t kN = 7;

/// A picture (1, kN, kN, C) whose numbers all differ.
Tensor picture(int64_t C) {
  Tensor x = empty({1, kN, kN, C}, DType::u8);
  for (int64_t i = 0; i < x.numel(); ++i) x.write<uint8_t>()[i] = uint8_t(i * 37 % 251);
  return x;
}

/// Undoes the normalisation of a channel: its value in [0, 255].
double restored(float v, int64_t c) {
  const double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  return (double(v) * deviation[c] + mean[c]) * 255;
}

}  // namespace

TEST_CASE("a quarter turn and a flip move whole pixels of photograph and mask") {
  const Tensor x = picture(3), mask = picture(1);
  for (bool flip : {false, true}) {
    const std::vector<PictureChange> change = {{.angle = std::numbers::pi / 2, .flip = flip}};
    const Tensor y = change_photographs(x, change), m = change_masks(mask, change);
    for (int64_t i = 0; i < kN; ++i)
      for (int64_t j = 0; j < kN; ++j) {
        const int64_t column = flip ? kN - 1 - j : j;
        const int64_t from = (kN - 1 - column) * kN + i, to = i * kN + j;  // cos is 0, sin is 1
        for (int64_t c = 0; c < 3; ++c)
          CHECK(restored(y.read<float>()[to * 3 + c], c) ==
                doctest::Approx(x.read<uint8_t>()[from * 3 + c]).epsilon(1e-4));
        CHECK(m.read<float>()[to] == (mask.read<uint8_t>()[from] > 128 ? 1 : 0));
      }
  }
}

TEST_CASE("colours are mapped and clamped to the range of a picture") {
  PictureChange change{.colour = {{0.5f, 0.25f, 0}, {0, 2, 0}, {0, 0, 1}}, .shift = 0.1f};
  const Tensor x = picture(3), y = change_photographs(x, {change});
  for (int64_t i = 0; i < kN * kN; ++i)
    for (int64_t c = 0; c < 3; ++c) {
      double v = change.shift;
      for (int64_t k = 0; k < 3; ++k) v += double(change.colour[c][k]) * x.read<uint8_t>()[i * 3 + k] / 255;
      CHECK(restored(y.read<float>()[i * 3 + c], c) == doctest::Approx(255 * std::clamp(v, 0., 1.)).epsilon(1e-4));
    }
}
