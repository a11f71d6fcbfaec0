// exp, log, erf, tanh and pow compared with libm in long double: every binade, the edges, and every position in a row.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradient_check.h"
#include "tensor/cpu/vec.h"
#include "tensor/ops/elementwise.h"
#include "tensor/random.h"
#include "tensor/scalar/math.h"

using namespace camo;

namespace {

/// The largest relative error of f, scalar and vector, compared with g at n points from low to high.
template <class T, class F, class G>
double worst_error(const F& f, const G& g, double low, double high, int n = 200000) {
  double worst = 0;
  for (int i = 0; i <= n; ++i) {
    const T x = T(low + (high - low) * i / n);
    const long double exact = g(static_cast<long double>(x));
    for (T y : {f(x), f(Vec<T>(x))[Vec<T>::size - 1]})
      worst = test::worse(worst, double(std::abs((static_cast<long double>(y) - exact) / exact)));
  }
  return worst;
}

template <class T> void check_precision(double tolerance) {
  const bool f = sizeof(T) == 4;
  auto e = [](auto x) { return camo::exp(x); };
  auto l = [](auto x) { return camo::log(x); };
  auto l1 = [](auto x) { return camo::log1p(x); };
  auto t = [](auto x) { return camo::tanh(x); };
  auto er = [](auto x) { return camo::erf(x); };
  using L = long double;
  CHECK(worst_error<T>(
            e, [](L x) { return std::exp(x); }, f ? -87 : -708, f ? 88.7 : 709.7) < tolerance);
  CHECK(worst_error<T>(
            e, [](L x) { return std::exp(x); }, -1, 1) < tolerance);
  CHECK(worst_error<T>(
            l, [](L x) { return std::log(x); }, 1e-30, 1e-28) < tolerance);
  CHECK(worst_error<T>(
            l, [](L x) { return std::log(x); }, 0.3, 0.9999) < tolerance);
  CHECK(worst_error<T>(
            l, [](L x) { return std::log(x); }, 1.0001, 3) < tolerance);
  CHECK(worst_error<T>(
            l, [](L x) { return std::log(x); }, 3, 1e38) < tolerance);
  CHECK(worst_error<T>(
            l1, [](L x) { return std::log1p(x); }, 1e-12, 1e-3) < tolerance);
  CHECK(worst_error<T>(
            l1, [](L x) { return std::log1p(x); }, 1e-3, 1) < tolerance);
  CHECK(worst_error<T>(
            t, [](L x) { return std::tanh(x); }, 1e-12, 1e-3) < tolerance);
  CHECK(worst_error<T>(
            t, [](L x) { return std::tanh(x); }, -30, -1e-3) < tolerance);
  CHECK(worst_error<T>(
            er, [](L x) { return std::erf(x); }, 1e-12, 1e-3) < tolerance);
  CHECK(worst_error<T>(
            er, [](L x) { return std::erf(x); }, -9, -1e-3) < tolerance);
  CHECK(worst_error<T>([](auto x) { return camo::pow(x, decltype(x)(T(2.5))); }, [](L x) { return std::pow(x, 2.5L); },
                       1e-3, 20) < 8 * tolerance);
  CHECK(worst_error<T>([](auto x) { return camo::sqrt(x); }, [](L x) { return std::sqrt(x); }, 1e-3, 20) < tolerance);
}

template <class A> lane_t<A> first(A x) {
  if constexpr (std::is_same_v<A, lane_t<A>>) return x;
  else return x[0];
}

template <class A> void check_edges() {
  using T = lane_t<A>;
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T least = std::numeric_limits<T>::denorm_min(), smallest = std::numeric_limits<T>::min();
  auto is_nan = [](A x) { return std::isnan(first(x)); };
  CHECK(first(camo::exp(A(T(0)))) == 1);
  CHECK(first(camo::exp(A(inf))) == inf);
  CHECK(first(camo::exp(A(-inf))) == 0);
  CHECK(first(camo::exp(A(T(sizeof(T) == 4 ? 89 : 710)))) == inf);
  CHECK(first(camo::exp(A(T(sizeof(T) == 4 ? -104 : -746)))) == 0);
  const T deep = T(sizeof(T) == 4 ? -87.336 : -708.39);  // just above the smallest normal number
  CHECK(first(camo::exp(A(deep))) == doctest::Approx(std::exp(deep)));
  CHECK(first(camo::exp(A(deep - T(0.01)))) == 0);  // e^x would be subnormal
  CHECK(first(camo::log(A(T(1)))) == 0);
  CHECK(first(camo::log(A(T(0)))) == -inf);
  CHECK(first(camo::log(A(inf))) == inf);
  CHECK(first(camo::log(A(least))) == doctest::Approx(std::log(double(least))));
  CHECK(first(camo::log(A(smallest))) == doctest::Approx(std::log(double(smallest))));
  CHECK(first(camo::log1p(A(T(0)))) == 0);
  CHECK(first(camo::log1p(A(smallest))) == smallest);
  CHECK(first(camo::tanh(A(inf))) == 1);
  CHECK(first(camo::tanh(A(-inf))) == -1);
  CHECK(std::signbit(first(camo::tanh(A(T(-0.))))));
  CHECK(!std::signbit(first(camo::tanh(A(T(0))))));
  CHECK(first(camo::erf(A(inf))) == doctest::Approx(1));
  CHECK(first(camo::erf(A(-inf))) == doctest::Approx(-1));
  CHECK(first(camo::erf(A(T(0)))) == 0);
  CHECK(first(camo::abs(A(T(-0.)))) == 0);
  CHECK(!std::signbit(first(camo::abs(A(T(-0.))))));
  CHECK(is_nan(camo::log(A(T(-1)))));
  CHECK(is_nan(camo::sqrt(A(T(-1)))));
  for (A y : {camo::exp(A(nan)), camo::log(A(nan)), camo::log1p(A(nan)), camo::tanh(A(nan)), camo::erf(A(nan)),
              camo::sqrt(A(nan)), camo::abs(A(nan)), camo::pow(A(nan), A(T(2)))})
    CHECK(is_nan(y));
}

template <class F> Tensor forward_and_slope(const F& f, const Tensor& x) {
  Tensor y = unary(x, f), slope = unary_backward(ones(x.shape(), x.dtype()), x, y, f);
  Tensor both = empty({2 * x.numel()}, x.dtype());
  copy_into(both.slice(0, x.numel()), y);
  copy_into(both.slice(x.numel(), 2 * x.numel()), slope);
  return both;
}

}  // namespace

TEST_CASE("float functions are within 5e-7, double ones within 1.5e-15") {
  check_precision<float>(5e-7);
  check_precision<double>(1.5e-15);
}

TEST_CASE("zeros, infinities, NaN, subnormals: float, double and vectors alike") {
  check_edges<float>();
  check_edges<double>();
  check_edges<Vec<float>>();
  check_edges<Vec<double>>();
}

TEST_CASE("NaN propagates through every elementwise op") {
  Tensor nan = full({3}, NAN), one = ones({3});
  auto expect_nan = [](const char* op, const Tensor& y) {
    for (float v : to_vector<float>(y)) CHECK_MESSAGE(std::isnan(v), op);
  };
  [&]<class... F>(TypeList<F...>) { (expect_nan(F::kName, unary<F>(nan)), ...); }(UnaryFunctors{});
  [&]<class... F>(TypeList<F...>) {
    (expect_nan(F::kName, binary<F>(nan, one)), ...);
    (expect_nan(F::kName, binary<F>(one, nan)), ...);
  }(BinaryFunctors{});
}

TEST_CASE_TEMPLATE("a number's result does not depend on its position in the row", T, float, double) {
  Tensor row = rand({70}, RandomKey{.seed = 3}, 0.1, 3, dtype_of<T>);
  auto expect_same = [&]<class F>(F f) {
    Tensor whole = forward_and_slope(f, row);
    for (int64_t i = 0; i < 70; ++i) {
      Tensor alone = forward_and_slope(f, row.slice(i, i + 1));
      CHECK_MESSAGE(equal_bits(alone.slice(0, 1), whole.slice(i, i + 1)), F::kName);
      CHECK_MESSAGE(equal_bits(alone.slice(1, 2), whole.slice(70 + i, 71 + i)), F::kName, " slope");
    }
  };
  [&]<class... F>(TypeList<F...>) { (expect_same(F{}), ...); }(UnaryFunctors{});
}
