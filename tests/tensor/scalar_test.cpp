// Scalar functions against their formulas from the standard library, on a grid with zeros, large numbers and
// infinities.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "tensor/ops/elementwise.h"
#include "tensor/ops/layout.h"
#include "tensor/scalar/functors.h"

using namespace camo;

namespace {

/// One formula for each functor of the lists; clamp and scale have parameters and follow below.
const std::map<std::string, double (*)(double)> kUnary = {
    {"neg", [](double x) { return -x; }},
    {"abs", [](double x) { return std::abs(x); }},
    {"exp", [](double x) { return std::exp(x); }},
    {"log", [](double x) { return std::log(x); }},
    {"sqrt", [](double x) { return std::sqrt(x); }},
    {"rsqrt", [](double x) { return 1 / std::sqrt(x); }},
    {"reciprocal", [](double x) { return 1 / x; }},
    {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
    {"tanh", [](double x) { return std::tanh(x); }},
    {"relu", [](double x) { return x > 0 ? x : 0; }},
    {"relu6", [](double x) { return x > 6   ? 6
                                    : x > 0 ? x
                                            : 0; }},
    {"gelu", [](double x) { return x * 0.5 * std::erfc(-x / std::sqrt(2.0)); }},
    {"silu", [](double x) { return x / (1 + std::exp(-x)); }},
    {"softplus", [](double x) { return x > 30 ? x + std::exp(-x) : std::log1p(std::exp(x)); }},
    {"square", [](double x) { return x * x; }}};
const std::map<std::string, double (*)(double, double)> kBinary = {
    {"add", [](double a, double b) { return a + b; }},
    {"sub", [](double a, double b) { return a - b; }},
    {"mul", [](double a, double b) { return a * b; }},
    {"div", [](double a, double b) { return a / b; }},
    {"maximum", [](double a, double b) { return std::max(a, b); }},
    {"minimum", [](double a, double b) { return std::min(a, b); }},
    {"pow", [](double a, double b) { return std::pow(a, b); }}};
const std::string kWithParameters[] = {"clamp", "scale"};

/// True if the result is the input times a number in [0, 1], whose rounding the input multiplies.
bool of_input(const std::string& name) { return name == "gelu" || name == "silu"; }

/// 400 numbers from -20 to 20, small and large ones, and both infinities; without what is outside of the domain.
std::vector<double> grid(const std::string& name) {
  std::vector<double> out = {0, 1e-3, 0.5, 1, 80, 700, INFINITY, -1e-3, -0.5, -1, -80, -700, -INFINITY};
  for (int i = 0; i < 400; ++i) out.push_back(-20 + i * 0.1 + 0.013);
  const bool positive = name == "log" || name == "sqrt" || name == "rsqrt" || name == "pow";
  if (positive) std::erase_if(out, [](double x) { return x < 0; });
  if (of_input(name)) std::erase(out, -INFINITY);  // -inf * 0, as in PyTorch
  return out;
}

/// |a - b| over max(|b|, least); 0 if both are the same infinity.
double off(double a, double b, double least = 1e-3) {
  if (a == b) return 0;
  const double error = std::abs(a - b) / std::max(std::abs(b), least);
  return std::isnan(error) ? INFINITY : error;
}

template <class F> void check_unary() {
  const std::string name = F::kName;
  CAPTURE(name);
  if (std::count(std::begin(kWithParameters), std::end(kWithParameters), name)) return;
  REQUIRE_MESSAGE(kUnary.count(name) == 1, "a new scalar function needs its formula here");
  const std::vector<double> x = grid(name);
  const Shape shape{int64_t(x.size())};
  for (DType dtype : {DType::f64, DType::f32}) {
    const Tensor in = cast(from<double>(x, shape), dtype);
    const std::vector<double> got = to_vector<double>(unary<F>(in)), seen = to_vector<double>(in);
    for (size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i]);
      double want = kUnary.at(name)(seen[i]);
      if (dtype == DType::f32) want = double(float(want));
      const double least = of_input(name) ? std::max(1e-3, std::abs(seen[i])) : 1e-3;
      CHECK(off(got[i], want, least) <= (dtype == DType::f64 ? 2e-14 : 4e-6));
    }
  }
}

template <class F> void check_binary() {
  const std::string name = F::kName;
  CAPTURE(name);
  REQUIRE_MESSAGE(kBinary.count(name) == 1, "a new scalar function needs its formula here");
  std::vector<double> a, b;
  for (double x : grid(name))
    for (double y : {-3.5, -1.0, 0.25, 2.0}) a.push_back(x), b.push_back(y);
  const Shape shape{int64_t(a.size())};
  for (DType dtype : {DType::f64, DType::f32}) {
    const Tensor x = cast(from<double>(a, shape), dtype), y = cast(from<double>(b, shape), dtype);
    const std::vector<double> got = to_vector<double>(binary<F>(x, y)), seen = to_vector<double>(x);
    for (size_t i = 0; i < a.size(); ++i) {
      CAPTURE(a[i]);
      CAPTURE(b[i]);
      double want = kBinary.at(name)(seen[i], b[i]);
      if (dtype == DType::f32) want = double(float(want));
      CHECK(off(got[i], want) <= (dtype == DType::f64 ? 1e-13 : 1e-5));
    }
  }
}

template <class... F> void each_unary(TypeList<F...>) { (check_unary<F>(), ...); }
template <class... F> void each_binary(TypeList<F...>) { (check_binary<F>(), ...); }

}  // namespace

TEST_CASE("every scalar function of one argument has the values of its formula") { each_unary(UnaryFunctors{}); }
TEST_CASE("every scalar function of two arguments has the values of its formula") { each_binary(BinaryFunctors{}); }

TEST_CASE("clamp and scale") {
  const Tensor x = from<float>({-INFINITY, -2, -1, 0.5, 3, INFINITY}, {6});
  CHECK(to_vector<float>(clamp(x, -1, 2)) == std::vector<float>{-1, -1, -1, 0.5, 2, 2});
  CHECK(to_vector<float>(scale(x, -2, 1)) == std::vector<float>{INFINITY, 5, 3, 0, -5, -INFINITY});
}
