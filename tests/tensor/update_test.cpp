// Optimizer updates compared with the formulas of their papers as plain loops in double.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradient_check.h"
#include "tensor/ops/optim.h"
#include "tensor/random.h"

using namespace camo;
using test::largest_difference;

namespace {

using Numbers = std::vector<double>;

// Shorter than a vector, with a tail, more than a piece, empty.
const std::vector<int64_t> lengths = {1, 7, 33, 0, 20011};

}  // namespace

TEST_CASE("adamw follows algorithm 2 over several steps and tensors at once") {
  const AdamWConfig config{.beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .gradient_scale = 0.5};
  for (DType dtype : {DType::f64, DType::f32}) {
    std::vector<AdamWItem> items;
    std::vector<Numbers> p, m, v;
    for (size_t i = 0; i < lengths.size(); ++i) {
      const Shape shape{lengths[i]};
      items.push_back({randn(shape, i, dtype), Tensor(), zeros(shape, dtype), zeros(shape, dtype), 0,
                       0.01 * double(i + 1), i % 2 ? 0.1 : 0});
      p.push_back(to_vector<double>(items[i].parameter));
      m.emplace_back(lengths[i]), v.emplace_back(lengths[i]);
    }
    for (int step = 1; step <= 5; ++step) {
      for (size_t i = 0; i < items.size(); ++i) {
        items[i].gradient = randn(items[i].parameter.shape(), 100 * step + i, dtype);
        items[i].steps = step;
        const Numbers g = to_vector<double>(items[i].gradient);
        for (size_t j = 0; j < g.size(); ++j) {
          const double d = g[j] * 0.5;
          m[i][j] = 0.8 * m[i][j] + 0.2 * d;
          v[i][j] = 0.95 * v[i][j] + 0.05 * d * d;
          const double m_hat = m[i][j] / (1 - std::pow(0.8, step)), v_hat = v[i][j] / (1 - std::pow(0.95, step));
          p[i][j] -= items[i].rate * (m_hat / (std::sqrt(v_hat) + 1e-6) + items[i].decay * p[i][j]);
        }
      }
      adamw(items, config);
    }
    const double tolerance = dtype == DType::f64 ? 1e-13 : 2e-6;
    for (size_t i = 0; i < items.size(); ++i) {
      CHECK(largest_difference(items[i].parameter, p[i]) < tolerance);
      CHECK(largest_difference(items[i].first, m[i]) < tolerance);
      CHECK(largest_difference(items[i].second, v[i]) < tolerance);
    }
  }
}

TEST_CASE("sgd with momentum and decay follows its formulas") {
  for (int64_t n : lengths) {
    SgdItem item{randn({n}, 1, DType::f64), Tensor(), zeros({n}, DType::f64), 0.1, 0.05};
    Numbers p = to_vector<double>(item.parameter), v(n);
    for (int step = 0; step < 4; ++step) {
      item.gradient = randn({n}, 10 + step, DType::f64);
      const Numbers g = to_vector<double>(item.gradient);
      for (int64_t j = 0; j < n; ++j) {
        v[j] = 0.9 * v[j] + 2 * g[j] + 0.05 * p[j];
        p[j] -= 0.1 * v[j];
      }
      sgd({item}, 0.9, 2);
    }
    CHECK(largest_difference(item.parameter, p) < 1e-13);
    CHECK(largest_difference(item.momentum, v) < 1e-13);
  }
}

TEST_CASE("ema moves each average toward its value, and leaves equal numbers unchanged") {
  std::vector<std::pair<Tensor, Tensor>> pairs;
  std::vector<Numbers> expected;
  for (int64_t n : lengths) {
    pairs.emplace_back(randn({n}, 1, DType::f64), randn({n}, 2, DType::f64));
    Numbers a = to_vector<double>(pairs.back().first), x = to_vector<double>(pairs.back().second);
    for (int64_t j = 0; j < n; ++j) a[j] = 0.9 * a[j] + 0.1 * x[j];
    expected.push_back(a);
  }
  ema(pairs, 0.9);
  for (size_t i = 0; i < pairs.size(); ++i) CHECK(largest_difference(pairs[i].first, expected[i]) < 1e-14);

  Tensor x = randn({257}, 3), average = x.clone();
  ema({{average, x}}, 0.999);
  CHECK(equal_bits(average, x));
}
