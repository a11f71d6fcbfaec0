#include "examples/camo/metrics.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/random.h"

using namespace camo;
using namespace camo::program;

namespace {

Tensor map(const std::vector<uint8_t>& v, int64_t h, int64_t w) { return from<uint8_t>(v, {h, w, 1}); }

/// The definitions pixel by pixel, without histograms.
ImageScores reference(const Tensor& prediction, const Tensor& mask) {
  auto v = to_vector<double>(prediction), g = to_vector<double>(mask);
  double low = 1, high = 0, mae = 0, tp = 0, fp = 0, fn = 0;
  for (double& x : v) x /= 255, low = std::min(low, x), high = std::max(high, x);
  for (size_t i = 0; i < v.size(); ++i) {
    double x = high > low ? (v[i] - low) / (high - low) : v[i];
    bool truth = g[i] > 128, found = x > 0.5;
    mae += std::abs(x - truth);
    tp += truth && found, fp += !truth && found, fn += truth && !found;
  }
  return {mae / double(v.size()), tp + fp + fn > 0 ? tp / (tp + fp + fn) : 0,
          tp + fp + fn > 0 ? 2 * tp / (2 * tp + fp + fn) : 0};
}

}  // namespace

TEST_CASE("scores of small maps are exact") {
  Tensor mask = map({255, 255, 0, 0, 0, 0}, 2, 3);
  ImageScores perfect = score(mask, mask);
  CHECK((perfect.mae == 0 && perfect.iou == 1 && perfect.dice == 1));
  ImageScores half = score(map({255, 0, 255, 0, 0, 0}, 2, 3), mask);  // one hit, one miss, one false
  CHECK(half.mae == doctest::Approx(1.0 / 3).epsilon(1e-15));
  CHECK(half.iou == doctest::Approx(1.0 / 3).epsilon(1e-15));
  CHECK(half.dice == 0.5);
  ImageScores wrong = score(map({0, 0, 255, 255, 255, 255}, 2, 3), mask);
  CHECK((wrong.mae == 1 && wrong.iou == 0 && wrong.dice == 0));
}

TEST_CASE("128 is background, 129 is not") {
  CHECK(score(map({255, 0}, 1, 2), map({129, 128}, 1, 2)).iou == 1);
  CHECK(score(map({255, 0}, 1, 2), map({128, 0}, 1, 2)).iou == 0);
}

TEST_CASE("a map is stretched by its own range; the threshold is strict") {
  Tensor mask = map({255, 0, 0}, 1, 3);
  ImageScores stretched = score(map({60, 50, 50}, 1, 3), mask);
  CHECK((stretched.mae == 0 && stretched.iou == 1));
  CHECK(score(map({200, 100, 0}, 1, 3), mask).iou == 1);      // 100 becomes 0.5: not above it
  CHECK(score(map({200, 101, 0}, 1, 3), mask).iou == 0.5);
}

TEST_CASE("a constant map stays as it is") {
  Tensor mask = map({255, 0, 0, 0}, 2, 2);
  ImageScores bright = score(full({2, 2, 1}, 204, DType::u8), mask);
  CHECK(bright.mae == doctest::Approx(0.2 / 4 + 0.8 * 3 / 4).epsilon(1e-15));
  CHECK(bright.iou == 0.25);
  CHECK(score(full({2, 2, 1}, 127, DType::u8), mask).iou == 0);
}

TEST_CASE("nothing there and nothing predicted scores 0, not 1") {
  Tensor none = zeros({3, 3}, DType::u8);
  ImageScores s = score(none, none);
  CHECK((s.mae == 0 && s.iou == 0 && s.dice == 0));
  ImageScores all = score(full({3, 3}, 255, DType::u8), none);
  CHECK((all.mae == 1 && all.iou == 0));
  ImageScores full_mask = score(full({3, 3}, 255, DType::u8), full({3, 3}, 255, DType::u8));
  CHECK((full_mask.mae == 0 && full_mask.iou == 1));
}

TEST_CASE("random maps agree with the definitions pixel by pixel") {
  Random random({.seed = 5, .domain = Domain::test});
  for (int k = 0; k < 50; ++k) {
    int64_t h = 1 + random.below(20), w = 1 + random.below(20), top = 1 + random.below(256);
    Tensor p = empty({h, w, 1}, DType::u8), g = empty({h, w}, DType::u8);
    for (int64_t i = 0; i < h * w; ++i) {
      p.write<uint8_t>()[i] = uint8_t(random.below(top));
      g.write<uint8_t>()[i] = uint8_t(random.below(256));
    }
    ImageScores a = score(p, g), b = reference(p, g);
    CHECK(a.mae == doctest::Approx(b.mae).epsilon(1e-13));
    CHECK(a.iou == b.iou);
    CHECK(a.dice == doctest::Approx(b.dice).epsilon(1e-15));
  }
}

TEST_CASE("maps of other sizes, channels, types or of no pixels raise") {
  CHECK_THROWS_AS(score(zeros({2, 2}, DType::u8), zeros({2, 3}, DType::u8)), ShapeError);
  CHECK_THROWS_AS(score(zeros({2, 2, 3}, DType::u8), zeros({2, 2}, DType::u8)), ShapeError);
  CHECK_THROWS_AS(score(zeros({2, 2}), zeros({2, 2}, DType::u8)), DTypeError);
  CHECK_THROWS_AS(score(zeros({0, 2}, DType::u8), zeros({0, 2}, DType::u8)), ShapeError);
}
