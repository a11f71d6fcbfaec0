// Pooling and resizing compared with values computed by hand.
#include "tensor/ops/resample.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace camo;

static void check_values(const Tensor& x, const std::vector<double>& want) {
  std::vector<double> got = to_vector<double>(x);
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < want.size(); ++i) CHECK(got[i] == doctest::Approx(want[i]));
}

static Tensor row(const std::vector<double>& values) { return from<double>(values, {1, 1, int64_t(values.size()), 1}); }

TEST_CASE("bilinear resizing aligns pixel centres, or corners on request") {
  check_values(resize_bilinear(row({1, 2}), 1, 4), {1, 1.25, 1.75, 2});
  check_values(resize_bilinear(row({1, 2}), 1, 4, true), {1, 4. / 3, 5. / 3, 2});
  check_values(resize_bilinear(row({1, 2, 3, 4}), 1, 2), {1.5, 3.5});
  check_values(resize_bilinear(row({1, 2, 3, 4}), 1, 2, true), {1, 4});
  check_values(resize_bilinear(row({1, 2, 4}), 1, 1, true), {1});
  check_values(resize_bilinear(row({5}), 2, 3), {5, 5, 5, 5, 5, 5});
  check_values(resize_bilinear(from<double>({0, 1, 2, 3}, {1, 2, 2, 1}), 4, 2), {0, 1, 0.5, 1.5, 1.5, 2.5, 2, 3});
}

TEST_CASE("resizing to the same size changes no bit") {
  Tensor x = from<float>({1.5f, -0.f, 3e-41f, 7, 1e38f, -2}, {1, 2, 3, 1});
  CHECK(equal_bits(resize_bilinear(x, 2, 3), x));
  CHECK(equal_bits(resize_bilinear(x, 2, 3, true), x));
  CHECK(equal_bits(resize_nearest(x, 2, 3), x));
}

TEST_CASE("nearest resizing takes floor(o * in / out)") {
  check_values(resize_nearest(row({1, 2, 3}), 1, 7), {1, 1, 1, 2, 2, 3, 3});
  check_values(resize_nearest(row({1, 2, 3, 4, 5}), 1, 2), {1, 3});
  check_values(resize_nearest_backward(row({1, 2, 3, 4, 5, 6, 7}), {1, 1, 3, 1}), {6, 9, 13});
  check_values(resize_nearest_backward(row({1, 2}), {1, 1, 5, 1}), {1, 0, 2, 0, 0});
}

TEST_CASE("average pooling includes its padding") {
  check_values(avg_pool(from<double>({1, 2, 3, 4}, {1, 2, 2, 1}), {.kernel = 3, .stride = 1, .padding = 1}),
               {10. / 9, 10. / 9, 10. / 9, 10. / 9});
  check_values(avg_pool(from<double>({1, 2, 3, 4, 5, 6}, {1, 2, 3, 1}), {}), {3});
  check_values(adaptive_avg_pool(row({1, 2, 3, 4, 5}), 1, 3), {1.5, 3, 4.5});
  check_values(adaptive_avg_pool(row({1, 2}), 1, 3), {1, 1.5, 2});
}

TEST_CASE("max pooling returns the index of the first maximum, and NaN is the largest") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), low = -std::numeric_limits<double>::infinity();
  MaxPoolOut out = max_pool(from<double>({1, 3, 3, 2, 0, 3, 1, 1}, {1, 2, 4, 1}), {});
  check_values(out.y, {3, 3});
  CHECK(to_vector<int64_t>(out.index) == std::vector<int64_t>{1, 2});
  MaxPoolOut odd = max_pool(from<double>({low, low, 1, nan, low, low, 5, 2}, {1, 2, 4, 1}), {});
  CHECK(item(odd.y.reshape({-1}).slice(0, 1)) == low);
  CHECK(std::isnan(item(odd.y.reshape({-1}).slice(1, 2))));
  CHECK(to_vector<int64_t>(odd.index) == std::vector<int64_t>{0, 3});
  MaxPoolOut padded = max_pool(full({1, 3, 3, 1}, -1), {.kernel = 3, .stride = 2, .padding = 1});
  check_values(padded.y, {-1, -1, -1, -1});
}
