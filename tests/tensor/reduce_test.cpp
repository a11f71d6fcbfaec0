// Reductions and broadcasting compared with plain loops in double, without merged axes, pieces or vectors.
#include "tensor/ops/reduce.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/gradient_check.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

using namespace camo;
using test::worse;

namespace {

using Numbers = std::vector<double>;
using Axes = std::vector<int>;

/// The position in a tensor of shape `s` of the element that element `i` of `out` reads: axes aligned at
/// the end, 1 repeats.
int64_t position(int64_t i, const Shape& out, const Shape& s) {
  int64_t at = 0, step = 1;
  for (int axis = out.rank() - 1, own = s.rank() - 1; axis >= 0; i /= out[axis], --axis, --own) {
    if (own < 0) continue;
    if (s[own] != 1) at += i % out[axis] * step;
    step *= s[own];
  }
  return at;
}

/// The elements of x that are reduced to each element of the result (axes kept), in order.
std::vector<Numbers> groups(const Tensor& x, const Axes& axes) {
  const Shape kept = reduced_shape(x.shape(), axes, true, "test");
  std::vector<Numbers> out(kept.numel());
  const Numbers v = to_vector<double>(x);
  for (int64_t i = 0; i < x.numel(); ++i) out[position(i, x.shape(), kept)].push_back(v[i]);
  return out;
}

double sum_of(const Numbers& v) {
  double s = 0;
  for (double x : v) s += x;
  return s;
}
double variance_of(const Numbers& v) {
  const double m = sum_of(v) / double(v.size());
  double s = 0;
  for (double x : v) s += (x - m) * (x - m);
  return s / double(v.size());
}

}  // namespace

TEST_CASE("sum, mean, max, min and variance over every set of axes") {
  // Small shapes; shapes with more than one piece along each axis; shapes with axes of length 1 in between.
  for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{3, 20011, 2, 1}, Shape{2, 1, 700, 33}, Shape{9, 1, 1, 20011}}) {
    for (DType dtype : {DType::f64, DType::f32}) {
      const Tensor x = randn(shape, 1, dtype);
      for (int mask = 1; mask < 16; ++mask) {
        Axes axes;
        for (int a = 0; a < 4; ++a)
          if (mask >> a & 1) axes.push_back(a);
        const std::vector<Numbers> group = groups(x, axes);
        const Numbers s = to_vector<double>(sum(x, axes)), m = to_vector<double>(mean(x, axes));
        const Numbers high = to_vector<double>(max(x, axes)), low = to_vector<double>(min(x, axes));
        const Numbers var = to_vector<double>(variance(x, axes));
        REQUIRE(s.size() == group.size());
        double worst = 0, worst_variance = 0;
        bool extremes = true;
        for (size_t i = 0; i < group.size(); ++i) {
          const double n = double(group[i].size()), exact = sum_of(group[i]), scale = std::sqrt(n);
          worst = worse(worst, worse(std::abs(s[i] - exact) / scale, std::abs(m[i] - exact / n) * scale));
          worst_variance = worse(worst_variance, std::abs(var[i] - variance_of(group[i])));
          extremes = extremes && high[i] == *std::max_element(group[i].begin(), group[i].end()) &&
                     low[i] == *std::min_element(group[i].begin(), group[i].end());
        }
        const double tolerance = dtype == DType::f64 ? 1e-13 : 3e-6;
        INFO(shape, " axes ", mask, " ", dtype);
        CHECK(worst < tolerance);
        CHECK(worst_variance < tolerance);
        CHECK(extremes);
      }
    }
  }
}

TEST_CASE("kept axes have length 1, others are removed; the sum of no elements is 0") {
  Tensor x = ones({2, 3, 4});
  CHECK(sum(x).shape() == Shape{});
  CHECK(sum(x, {1}).shape() == Shape{2, 4});
  CHECK(sum(x, {0, -1}, true).shape() == Shape{1, 3, 1});
  CHECK(to_vector<float>(sum(zeros({2, 0}), {1})) == std::vector<float>{0, 0});
  CHECK(item(sum(zeros({0}))) == 0);
  CHECK_THROWS_AS(mean(zeros({2, 0}), {1}), ShapeError);
  CHECK(mean(zeros({0, 2}), {1}).shape() == Shape{0});  // there are no rows, but each would have two elements
  CHECK_THROWS_AS(max(zeros({0})), ShapeError);
  CHECK_THROWS_AS(argmax(zeros({2, 0}), 1), ShapeError);
}

TEST_CASE("column sums are sums over all rows, for every number of rows") {
  for (int64_t R : {0, 1, 255, 256, 257, 1000})
    for (int64_t C : {1, 5, 33}) {
      const Tensor x = randn({R, C}, 1, DType::f64);
      const Numbers v = to_vector<double>(x), sums = to_vector<double>(column_sums(x));
      double worst = 0;
      for (int64_t c = 0; c < C; ++c) {
        double exact = 0;
        for (int64_t r = 0; r < R; ++r) exact += v[size_t(r * C + c)];
        worst = worse(worst, std::abs(sums[size_t(c)] - exact));
      }
      INFO(R, " x ", C);
      CHECK(worst < 1e-12);
    }
}

TEST_CASE("a long float sum loses no more than a short one: a million tenths, all rounded the same way") {
  const double exact = 1e6 * double(0.1f);
  for (const auto& [shape, axes] :
       std::vector<std::pair<Shape, Axes>>{{{1000000}, {0}}, {{1000000, 3}, {0}}, {{3, 1000000}, {1}}})
    for (double s : to_vector<double>(sum(full(shape, 0.1), axes))) CHECK(std::abs(s - exact) < 3e-6 * exact);
}

TEST_CASE("a row's sums do not depend on how many rows there are") {
  Tensor x = randn({7, 3001, 33}, 4);
  for (const Axes& axes : {Axes{1}, Axes{2}, Axes{1, 2}}) {
    Tensor all = sum(x, axes, true), one = sum(x.slice(5, 6), axes, true);
    CHECK(equal_bits(all.slice(5, 6), one));
  }
}

TEST_CASE("NaN wins max and min; argmax finds the first largest, or the first NaN") {
  Tensor x = from<float>({1, 5, 5, 2, 7, NAN, 7, NAN, -1, -1, -2, -3}, {3, 4});
  CHECK(to_vector<int64_t>(argmax(x, 1)) == std::vector<int64_t>{1, 1, 0});
  CHECK(to_vector<int64_t>(argmax(x, 0)) == std::vector<int64_t>{1, 1, 1, 1});
  CHECK(argmax(x, -1, true).shape() == Shape{3, 1});
  CHECK(std::isnan(to_vector<float>(max(x, {1}))[1]));
  CHECK(std::isnan(to_vector<float>(min(x, {0}))[3]));
  CHECK(to_vector<float>(min(x, {1}))[2] == -3);
}

TEST_CASE("all_finite finds one bad element anywhere; sum_of_squares works in double") {
  for (int64_t n : {1, 17, 20011})
    for (float bad : {NAN, INFINITY, -INFINITY}) {
      Tensor x = full({n}, 3e38);
      CHECK(all_finite(x));
      x.write<float>()[n - 1] = bad;
      CHECK(!all_finite(x));
    }
  CHECK(all_finite(zeros({0})));
  CHECK(sum_of_squares(full({40003}, 1e25)) == doctest::Approx(40003e50).epsilon(1e-6));  // larger than a float can be
  CHECK(sum_of_squares(from<float>({3, 4}, {2})) == 25);
}

TEST_CASE("broadcasting reads what numpy's rule says, and sum_to is its adjoint") {
  const std::vector<std::pair<Shape, Shape>> pairs = {{{5, 33}, {33}},
                                                      {{5, 33}, {5, 1}},
                                                      {{2, 3, 4, 7}, {2, 1, 1, 7}},
                                                      {{4, 1, 6}, {1, 5, 1}},
                                                      {{3, 1}, {1, 40}},
                                                      {{2, 1, 3, 1, 2, 1}, {3, 1, 4, 1, 5}},
                                                      {{}, {2, 3}},
                                                      {{1}, {}},
                                                      {{700, 64}, {64}},
                                                      {{1, 1, 20011}, {3, 2, 1}}};
  for (const auto& [sa, sb] : pairs) {
    const Tensor a = randn(sa, 1, DType::f64), b = randn(sb, 2, DType::f64), y = sub(a, b);
    const Numbers va = to_vector<double>(a), vb = to_vector<double>(b), vy = to_vector<double>(y);
    Numbers da(va.size()), db(vb.size());
    bool right = true;
    for (int64_t i = 0; i < y.numel(); ++i) {
      const int64_t pa = position(i, y.shape(), sa), pb = position(i, y.shape(), sb);
      right = right && vy[i] == va[pa] - vb[pb];
      da[pa] += vy[i], db[pb] += vy[i];
    }
    INFO(sa, " and ", sb);
    CHECK(right);
    auto worst = [](const Tensor& t, const Numbers& exact) {
      const Numbers v = to_vector<double>(t);
      double w = 0;
      for (size_t i = 0; i < exact.size(); ++i) w = worse(w, std::abs(v[i] - exact[i]) / (1 + std::abs(exact[i])));
      return w;
    };
    CHECK(worst(sum_to(y, sa), da) < 1e-12);
    CHECK(worst(sum_to(y, sb), db) < 1e-12);
  }
  CHECK_THROWS_AS(sum_to(zeros({2, 3}), {2}), ShapeError);
}

TEST_CASE("add_into_rows changes only its rows, and both functions refuse shapes that do not fit") {
  Tensor y = ones({4, 3});
  add_into_rows(y, 1, full({2, 3}, 5));
  CHECK(to_vector<float>(y) == std::vector<float>{1, 1, 1, 6, 6, 6, 6, 6, 6, 1, 1, 1});
  add_into(y, y);
  CHECK(to_vector<float>(y)[3] == 12);
  CHECK_THROWS_AS(add_into_rows(y, 3, zeros({2, 3})), ShapeError);
  CHECK_THROWS_AS(add_into(y, zeros({3})), ShapeError);
  CHECK_THROWS_AS(add_into(y, zeros({4, 3}, DType::f64)), DTypeError);
}
