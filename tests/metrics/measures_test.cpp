// The measures: cases worked out by hand, then many random pairs compared with the papers' formulas as plain loops.
#include <doctest/doctest.h>

#include "examples/camo/metrics/distance.h"
#include "examples/camo/metrics/metrics.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/metrics/reference.h"

using namespace camo;
using namespace camo::program;
using camo::test::PlainMeasures;

namespace {

Tensor map(const std::vector<uint8_t>& v, int64_t h, int64_t w) { return from<uint8_t>(v, {h, w, 1}); }

Tensor inverted(const Tensor& x) {
  Tensor out = empty(x.shape(), DType::u8);
  for (int64_t i = 0; i < x.numel(); ++i) out.write<uint8_t>()[i] = uint8_t(255 - x.read<uint8_t>()[i]);
  return out;
}

/// A cross in 5 x 5 and a corner: the centroid is the middle, and each of the four blocks has pixels of both kinds.
Tensor cross() {
  return map({0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255, 255, 255, 255, 255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 255}, 5, 5);
}

doctest::Approx near(double x) { return doctest::Approx(x).epsilon(1e-12); }

/// Compares every measure and every point of the curves with the plain loops.
void check_against_plain(const Tensor& prediction, const Tensor& mask) {
  const ImageMeasures fast = measure(prediction, mask), plain = PlainMeasures(prediction, mask).all();
  for (const MeasureInfo& m : kMeasures) {
    CAPTURE(std::string(m.name));
    CHECK(std::abs(fast.*m.value - plain.*m.value) <= 1e-12 * std::max(1.0, std::abs(plain.*m.value)));
  }
  double gap = 0;
  for (Curve Curves::*c : {&Curves::e, &Curves::f, &Curves::precision, &Curves::recall})
    for (int t = 0; t < 256; ++t)
      gap = std::max(
          gap, std::abs((fast.curves.*c)[t] - (plain.curves.*c)[t]) / std::max(1.0, std::abs((plain.curves.*c)[t])));
  CHECK(gap <= 1e-12);
  const ImageScores cheap = score(prediction, mask);
  CHECK((cheap.mae == fast.mae && cheap.iou == fast.iou && cheap.dice == fast.dice));
}

}  // namespace

TEST_CASE("128 is background, 129 is not") {
  CHECK(score(map({255, 0}, 1, 2), map({129, 128}, 1, 2)).iou == 1);
  CHECK(score(map({255, 0}, 1, 2), map({128, 0}, 1, 2)).iou == 0);
}

TEST_CASE("a map is stretched to its own range; the threshold is strict") {
  Tensor mask = map({255, 0, 0}, 1, 3);
  ImageScores stretched = score(map({60, 50, 50}, 1, 3), mask);
  CHECK((stretched.mae == 0 && stretched.iou == 1));
  CHECK(score(map({200, 100, 0}, 1, 3), mask).iou == 1);  // 100 becomes 0.5, which is not above it
  CHECK(score(map({200, 101, 0}, 1, 3), mask).iou == 0.5);
}

TEST_CASE("a perfect map") {
  const ImageMeasures m = measure(cross(), cross());
  const double n = 25, f = 10, all = 1.3 * (f / n) / (0.3 * f / n + 1);  // F if everything is predicted
  CHECK(m.s == near(1));
  CHECK((m.mae == 0 && m.iou == 1 && m.dice == 1 && m.precision == 1 && m.recall == 1));
  CHECK(m.f_weighted == near(1));
  CHECK(m.e_adaptive == near(n / (n - 1)));
  CHECK(m.e_max == near(n / (n - 1)));
  CHECK(m.e_mean == near((255 + 0.25) / 256 * n / (n - 1)));  // threshold 0 predicts everything: 1/4 per pixel
  CHECK((m.f_adaptive == near(1) && m.f_max == near(1) && m.f_mean == near((255 + all) / 256)));
}

TEST_CASE("an inverted map") {
  const ImageMeasures m = measure(inverted(cross()), cross());
  const double n = 25, f = 10, all = 1.3 * (f / n) / (0.3 * f / n + 1);
  CHECK(m.s == 0);  // every block correlates negatively, and S is clamped at 0
  CHECK((m.mae == 1 && m.iou == 0 && m.dice == 0 && m.precision == 0 && m.recall == 0));
  CHECK(m.e_adaptive == near(0));
  CHECK((m.e_max == near(0.25 * n / (n - 1)) && m.e_mean == near(0.25 * n / (n - 1) / 256)));
  CHECK((m.f_adaptive == 0 && m.f_max == near(all) && m.f_mean == near(all / 256)));
}

TEST_CASE("a constant map is not stretched") {
  const ImageMeasures m = measure(full({5, 5, 1}, 51, DType::u8), cross());  // p = 0.2
  const double n = 25, f = 10, all = 1.3 * (f / n) / (0.3 * f / n + 1);
  CHECK(m.s == near(0.5 * (f / n * 0.4 / 1.04 + (1 - f / n) * 1.6 / 1.64)));  // no block correlates
  CHECK(m.mae == near((0.8 * f + 0.2 * (n - f)) / n));
  CHECK((m.iou == 0 && m.dice == 0));
  CHECK((m.e_adaptive == near(0.25 * n / (n - 1)) && m.e_mean == near(0.25 * n / (n - 1))));
  CHECK((m.f_adaptive == 0 && m.f_max == near(all) && m.f_mean == near(52 * all / 256)));  // thresholds 0..51
  CHECK(score(full({2, 2, 1}, 204, DType::u8), map({255, 0, 0, 0}, 2, 2)).iou == 0.25);
  CHECK(score(full({2, 2, 1}, 127, DType::u8), map({255, 0, 0, 0}, 2, 2)).iou == 0);
}

TEST_CASE("an empty mask scores by what is predicted; F, IoU and Dice are 0 even for an empty map") {
  const Tensor none = zeros({3, 5}, DType::u8);
  const ImageMeasures m = measure(none, none);
  CHECK((m.s == 1 && m.mae == 0 && m.iou == 0 && m.dice == 0 && m.f_max == 0 && m.f_weighted == 0));
  CHECK(m.e_adaptive == 0);  // the adaptive threshold is 0, which predicts everything
  CHECK((m.e_max == near(15.0 / 14) && m.e_mean == near(255.0 / 256 * 15 / 14)));
  const ImageMeasures all = measure(full({3, 5}, 255, DType::u8), none);
  CHECK((all.s == 0 && all.mae == 1 && all.e_max == 0 && all.f_weighted == 0));
}

TEST_CASE("a full mask") {
  const Tensor everything = full({3, 5}, 255, DType::u8);
  const ImageMeasures m = measure(everything, everything);
  CHECK((m.s == 1 && m.mae == 0 && m.iou == 1 && m.f_mean == near(1) && m.f_weighted == near(1)));
  CHECK((m.e_mean == near(15.0 / 14) && m.e_adaptive == near(15.0 / 14)));
  const ImageMeasures third = measure(map({255, 0, 0, 255, 0, 0}, 2, 3), full({2, 3}, 255, DType::u8));
  CHECK((third.s == near(1.0 / 3) && third.recall == near(1.0 / 3) && third.e_adaptive == near(2.0 / 5)));
}

TEST_CASE("one pixel in a mask, one pixel in a picture") {
  Tensor dot = zeros({7, 5}, DType::u8);
  dot.write<uint8_t>()[17] = 255;
  const ImageMeasures m = measure(dot, dot);
  CHECK((m.s == near(1) && m.f_weighted == near(1) && m.iou == 1));
  // For a constant map, the three blocks without the pixel are constant in map and mask and score exactly 1.
  const ImageMeasures even = measure(full({7, 5}, 100, DType::u8), dot);
  const double p = 100 / 255.0, object = 2 * p / (p * p + 1) / 35 + 34.0 / 35 * 2 * (1 - p) / ((1 - p) * (1 - p) + 1);
  CHECK(even.s == near(0.5 * object + 0.5 * (1 - 12.0 / 35)));  // the block up to (3, 2) has the pixel
  for (uint8_t v : {0, 255})
    for (uint8_t g : {0, 255}) {
      const ImageMeasures one = measure(map({v}, 1, 1), map({g}, 1, 1));
      CHECK((one.s == (v == g) && one.mae == (v != g) && one.iou == (v && g)));
    }
}

TEST_CASE("a centroid in the last row or column: empty blocks add nothing") {
  for (const Tensor& mask : {map({0, 0, 0, 0, 0, 0, 255, 255, 255}, 3, 3), map({0, 0, 255, 0, 0, 255, 0, 0, 255}, 3, 3),
                             map({0, 0, 0, 0, 0, 0, 0, 0, 255}, 3, 3)}) {
    CHECK(measure(mask, mask).s == near(1));
    check_against_plain(map({9, 200, 30, 0, 80, 90, 255, 110, 120}, 3, 3), mask);
  }
}

TEST_CASE("random maps of odd sizes agree with plain loops over pixels and thresholds") {
  Random random({.seed = 5, .domain = Domain::test});
  for (int k = 0; k < 60; ++k) {
    const int64_t h = 1 + random.below(k % 4 ? 14 : 27), w = 1 + random.below(k % 4 ? 14 : 27);
    const int64_t top = 1 + random.below(256), levels = k % 3 ? 256 : 4, density = 1 + random.below(255);
    Tensor p = empty({h, w, 1}, DType::u8), g = empty({h, w}, DType::u8);
    for (int64_t i = 0; i < h * w; ++i) {
      p.write<uint8_t>()[i] = uint8_t(random.below(top) / (256 / levels) * (256 / levels));
      g.write<uint8_t>()[i] = random.below(256) < density ? 255 : uint8_t(random.below(129));
    }
    CAPTURE(k);
    check_against_plain(p, g);
    check_against_plain(g, g);
    check_against_plain(inverted(g), g);
    check_against_plain(full({h, w}, 100, DType::u8), g);
  }
}

TEST_CASE("the nearest pixel of the mask equals a full search; ties go to the smallest column, then row") {
  Random random({.seed = 6, .domain = Domain::test});
  for (int k = 0; k < 200; ++k) {
    const int64_t h = 1 + random.below(13), w = 1 + random.below(13), n = h * w, every = 1 + random.below(9);
    Tensor mask = zeros({h, w}, DType::u8);
    for (int64_t i = 0; i < n; ++i)  // half are regular (many ties), half random
      if (k % 2 ? (i / w) % every == 0 && (i % w) % every == 0 : random.below(10) < 2) mask.write<uint8_t>()[i] = 255;
    mask.write<uint8_t>()[random.below(n)] = 255;
    const PlainMeasures plain(mask, mask);
    const Nearest near = nearest_inside(mask.read<uint8_t>(), h, w);
    int64_t wrong = 0;
    for (int64_t i = 0; i < n; ++i) wrong += near.row[i] * w + near.column[i] != plain.nearest(i);
    CHECK(wrong == 0);
  }
}

TEST_CASE("measures of a set: means over images, maxima of the mean curve; any number of threads") {
  Random random({.seed = 7, .domain = Domain::test});
  std::vector<MapAndMask> pairs;
  for (int64_t k = 0; k < 9; ++k) {
    Tensor p = empty({9, 7 + k}, DType::u8), g = zeros({9, 7 + k}, DType::u8);
    for (int64_t i = 0; i < g.numel(); ++i) {
      g.write<uint8_t>()[i] = i % 5 < 2 ? 255 : 0;
      p.write<uint8_t>()[i] = uint8_t((i % 5 < 2) * (k % 3) * 80 + random.below(90));
    }
    pairs.push_back({p, g});
  }
  auto load = [&](int64_t i) { return pairs[i]; };
  const std::vector<ImageMeasures> images = measure_all(9, load);
  const Measures mean = average(images);
  const Curves curves = average_curves(images);
  double iou = 0, best = 0, own = 0;
  for (const ImageMeasures& x : images) iou += x.iou / 9, own += x.f_max / 9;
  for (double f : curves.f) best = std::max(best, f);
  CHECK(mean.iou == near(iou));
  CHECK(mean.f_max == near(best));
  CHECK(mean.f_max < own - 0.01);  // the best thresholds of the images differ
  CHECK(average(images, {0, 0, 3, 0, 0, 0, 0, 0, 0}).e_max == near(images[2].e_max));

  set_threads(1);
  const std::vector<ImageMeasures> alone = measure_all(9, load);
  set_threads(0);
  for (size_t i = 0; i < images.size(); ++i)
    for (const MeasureInfo& m : kMeasures) CHECK(images[i].*m.value == alone[i].*m.value);
  CHECK_THROWS_AS(average({}), DataError);
}

TEST_CASE("maps of wrong size, channels or dtype, or without pixels, raise an error") {
  CHECK_THROWS_AS(score(zeros({2, 2}, DType::u8), zeros({2, 3}, DType::u8)), ShapeError);
  CHECK_THROWS_AS(score(zeros({2, 2, 3}, DType::u8), zeros({2, 2}, DType::u8)), ShapeError);
  CHECK_THROWS_AS(measure(zeros({2, 2}), zeros({2, 2}, DType::u8)), DTypeError);
  CHECK_THROWS_AS(measure(zeros({0, 2}, DType::u8), zeros({0, 2}, DType::u8)), ShapeError);
}
