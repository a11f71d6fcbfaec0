// Gradients against finite differences, in f64.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>

#include "nn/module.h"
#include "tests/worse.h"

namespace camo::test {

/// Largest error of the gradients of sum(projection * f()) for all leaves (f64), against differences of order 4,
/// relative to the largest gradient of that leaf; infinity where something is not finite.  f reads the leaves; a leaf
/// without gradient is an error.
inline double gradient_error(const std::function<Var()>& f, const Vars& leaves) {
  Var y = f();
  const Tensor projection = y.value().numel() == 1 ? ones(y.shape(), DType::f64) : randn(y.shape(), 8, DType::f64);
  backward(y, projection);
  auto value = [&] {
    NoGrad no_grad;
    const std::vector<double> a = to_vector<double>(f().value()), b = to_vector<double>(projection);
    double total = 0;
    for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
    return total;
  };
  double worst = 0;
  for (const Var& leaf : leaves) {
    check(leaf.grad().defined(), "gradient_error: a leaf has no gradient");
    const std::vector<double> analytic = to_vector<double>(leaf.grad());
    Tensor at = leaf.value();
    double largest = 1e-6, error = 0;
    for (size_t i = 0; i < analytic.size(); ++i) {
      const double before = at.read<double>()[i], step = 3e-5;
      auto rise = [&](double h) {
        at.write<double>()[i] = before + h;
        const double up = value();
        at.write<double>()[i] = before - h;
        const double down = value();
        at.write<double>()[i] = before;
        return (up - down) / (2 * h);
      };
      const double slope = (4 * rise(step) - rise(2 * step)) / 3;
      largest = std::max(largest, std::abs(slope));
      error = worse(error, std::abs(slope - analytic[i]));
    }
    worst = worse(worst, error / largest);
  }
  return worst;
}

/// The same for a module: of the input, drawn anew, and of every parameter.
inline double gradient_error(nn::Module& module, const std::function<Var(const Var&)>& f, const Shape& input) {
  Var x = Var::leaf(randn(input, 7, DType::f64));
  Vars leaves{x};
  for (const nn::Parameter& p : module.named_parameters()) leaves.push_back(p.var);
  return gradient_error([&] { return f(x); }, leaves);
}

}  // namespace camo::test
