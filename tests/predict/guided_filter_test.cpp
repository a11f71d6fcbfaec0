// The guided filter, against its formulas as loops over windows in f64.
#include "examples/camo/predict/guided_filter.h"

#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "tensor/parallel.h"
#include "tests/predict/pictures.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;

namespace {

using Plane = std::vector<double>;

/// The mean of f over the pixels of the window around (y, x) that exist.
double window_mean(int64_t H, int64_t W, int64_t y, int64_t x, int64_t radius, const std::function<double(size_t)>& f) {
  double sum = 0, count = 0;
  for (int64_t v = y - radius; v <= y + radius; ++v)
    for (int64_t u = x - radius; u <= x + radius; ++u)
      if (v >= 0 && v < H && u >= 0 && u < W) sum += f(size_t(v * W + u)), ++count;
  return sum / count;
}

Plane box_mean(int64_t H, int64_t W, int64_t radius, const std::function<double(size_t)>& f) {
  Plane out;
  for (int64_t i = 0; i < H * W; ++i) out.push_back(window_mean(H, W, i / W, i % W, radius, f));
  return out;
}

double determinant(const double (&A)[3][3]) {
  double out = 0;
  for (int i = 0; i < 3; ++i)
    out += A[0][i] * (A[1][(i + 1) % 3] * A[2][(i + 2) % 3] - A[1][(i + 2) % 3] * A[2][(i + 1) % 3]);
  return out;
}

/// He, Sun, Tang 2010, equations 14 to 16, with the photograph in [0, 1]; the systems by Cramer's rule.
Plane plain_guided_filter(const Tensor& photograph, const Tensor& map, const GuidedFilterSettings& s) {
  const int64_t H = photograph.dim(0), W = photograph.dim(1);
  auto I = [&](size_t i, int c) { return photograph.read<uint8_t>()[3 * i + size_t(c)] / 255.0; };
  auto p = [&](size_t i) { return double(map.read<float>()[i]); };
  Plane a[3], b;
  for (int64_t y = 0; y < H; ++y)
    for (int64_t x = 0; x < W; ++x) {
      auto mean = [&](const std::function<double(size_t)>& f) { return window_mean(H, W, y, x, s.radius, f); };
      const double mean_p = mean(p);
      double colour[3], A[3][3], right[3];
      for (int c = 0; c < 3; ++c) colour[c] = mean([&](size_t i) { return I(i, c); });
      for (int c = 0; c < 3; ++c) {
        right[c] = mean([&](size_t i) { return (I(i, c) - colour[c]) * (p(i) - mean_p); });
        for (int k = 0; k < 3; ++k)
          A[c][k] =
              mean([&](size_t i) { return (I(i, c) - colour[c]) * (I(i, k) - colour[k]); }) + (c == k ? s.epsilon : 0);
      }
      b.push_back(mean_p);
      for (int c = 0; c < 3; ++c) {
        double replaced[3][3];
        for (int i = 0; i < 3; ++i)
          for (int k = 0; k < 3; ++k) replaced[i][k] = k == c ? right[i] : A[i][k];
        a[c].push_back(determinant(replaced) / determinant(A));
        b.back() -= a[c].back() * colour[c];
      }
    }
  Plane out = box_mean(H, W, s.radius, [&](size_t i) { return b[i]; });
  for (int c = 0; c < 3; ++c) {
    const Plane mean_a = box_mean(H, W, s.radius, [&](size_t i) { return a[c][i]; });
    for (size_t i = 0; i < out.size(); ++i) out[i] += mean_a[i] * I(i, c);
  }
  for (double& q : out) q = std::clamp(q, 0.0, 1.0);
  return out;
}

Tensor random_map(int64_t H, int64_t W) { return rand({H, W, 1}, 4); }

}  // namespace

TEST_CASE("the guided filter equals its formulas as loops") {
  const SynthPair pair = make_synthetic(21, 0, 30, 34);
  const Tensor map = imagined_probabilities(pair.mask, 1);
  for (const GuidedFilterSettings& s : {GuidedFilterSettings{.radius = 1, .epsilon = 1e-2}, {4, 1e-3}, {7, 1e-5}}) {
    CAPTURE(s.radius);
    CHECK(largest_difference(guided_filter(pair.image, map, s), plain_guided_filter(pair.image, map, s)) <= 1e-5);
  }
}

TEST_CASE("windows end at the border, also in pictures smaller than a window") {
  for (auto [height, width] : {std::pair(1, 1), {1, 9}, {11, 1}, {5, 7}, {12, 19}}) {
    CAPTURE(height);
    CAPTURE(width);
    const Tensor photograph = random_photograph(height, width, 2), map = random_map(height, width);
    for (int64_t radius : {1, 3, 6, 50}) {
      const GuidedFilterSettings s{radius, 1e-3};
      CHECK(largest_difference(guided_filter(photograph, map, s), plain_guided_filter(photograph, map, s)) <= 1e-5);
    }
  }
}

TEST_CASE("a radius far beyond the picture takes the whole picture as one window") {
  const Tensor photograph = random_photograph(9, 14, 2), map = random_map(9, 14);
  const GuidedFilterSettings far{std::numeric_limits<int64_t>::max(), 1e-3}, whole{14, 1e-3};
  CHECK(equal_bits(guided_filter(photograph, map, far), guided_filter(photograph, map, whole)));
}

TEST_CASE("a photograph of one colour leaves the mean of the window means") {
  const Tensor map = random_map(13, 17);
  const Plane once = box_mean(13, 17, 3, [&](size_t i) { return double(map.read<float>()[i]); });
  const Plane twice = box_mean(13, 17, 3, [&](size_t i) { return once[i]; });
  for (int value : {0, 77, 255})
    CHECK(largest_difference(guided_filter(constant_photograph(13, 17, uint8_t(value)), map, {3, 1e-9}), twice) <=
          1e-6);
}

TEST_CASE("a coarse map takes the outline of an object with a colour of its own, and stays in [0, 1]") {
  const SynthPair toy = disc(64);
  const Tensor map = imagined_probabilities(toy.mask, 1);
  const Tensor refined = guided_filter(toy.image, map, {.radius = 12, .epsilon = 1e-3});
  const double before = iou_at_half(map, toy.mask), after = iou_at_half(refined, toy.mask);
  CAPTURE(before);
  CHECK(before < 0.95);
  CHECK(after > 0.98);
  Tensor sharp = empty({64, 64, 1}, DType::f32);
  for (int64_t i = 0; i < 64 * 64; ++i) sharp.write<float>()[i] = toy.mask.read<uint8_t>()[i] / 255.0f;
  const std::vector<float> q = to_vector<float>(guided_filter(toy.image, sharp, {3, 1e-4}));
  CHECK(*std::min_element(q.begin(), q.end()) == 0);
  CHECK(*std::max_element(q.begin(), q.end()) == 1);
}

TEST_CASE("1, 2 and 3 threads give the guided filter's bits") {
  const Tensor photograph = make_synthetic(22, 0, 96, 130).image, map = random_map(96, 130).reshape({96, 130});
  set_threads(1);
  const Tensor one = guided_filter(photograph, map, {9, 1e-4});
  CHECK(one.shape() == map.shape());
  for (int count : {2, 3}) {
    set_threads(count);
    CHECK(equal_bits(guided_filter(photograph, map, {9, 1e-4}), one));
  }
  set_threads(0);
}

TEST_CASE("what the guided filter cannot take is refused by name") {
  const Tensor photograph = constant_photograph(4, 5, 9), map = full({4, 5, 1}, 0.5);
  auto says = [](const char* text) { return doctest::Contains(text); };
  CHECK_THROWS_WITH_AS(guided_filter(zeros({4, 5, 3}), map), says("guided_filter: takes a photograph in u8"),
                       DTypeError);
  CHECK_THROWS_WITH_AS(guided_filter(photograph, full({5, 4}, 0.5)), says("guided_filter: the map must be"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(guided_filter(photograph, full({4, 5}, NAN)), says("from 0 to 1"), DataError);
  CHECK_THROWS_WITH_AS(guided_filter(photograph, map, {0, 1e-3}), says("radius must be 1 or more, got 0"), ConfigError);
  for (double epsilon : {0.0, -1.0, double(NAN)})
    CHECK_THROWS_WITH_AS(guided_filter(photograph, map, {3, epsilon}), says("epsilon must be above 0"), ConfigError);
}
