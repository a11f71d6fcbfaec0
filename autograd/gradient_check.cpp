#include "autograd/gradient_check.h"

#include <algorithm>
#include <cmath>

#include "tensor/random.h"

namespace camo::test {
namespace {

constexpr double kStep = 3e-5;      // multiplied by |x| if that is larger than 1
constexpr double kSmallest = 1e-8;  // a leaf with only smaller gradients is measured against this

}  // namespace

double worse(double a, double b) { return std::isfinite(a) && std::isfinite(b) ? std::max(a, b) : INFINITY; }

double gradient_error(const std::function<Var()>& f, const Vars& leaves) {
  for (const Var& leaf : leaves) {
    check<DTypeError>(leaf.dtype() == DType::f64, "gradient_error: leaves are f64, got ", leaf.dtype());
    Var(leaf).clear_grad();
  }
  Var y = f();
  const Tensor projection = y.value().numel() == 1 ? ones(y.shape(), DType::f64) : randn(y.shape(), 8, DType::f64);
  backward(y, projection);
  const std::vector<double> p = to_vector<double>(projection);
  NoGrad no_grad;
  double worst = 0;
  for (size_t l = 0; l < leaves.size(); ++l) {
    check<GraphError>(leaves[l].grad().defined(), "gradient_error: leaf ", l, " ", leaves[l].shape(),
                      " has no gradient  [f does not read it, or leaves the graph]");
    const std::vector<double> analytic = to_vector<double>(leaves[l].grad());
    Tensor at = leaves[l].value();
    double largest = kSmallest, error = 0;
    for (size_t i = 0; i < analytic.size(); ++i) {
      const double x = at.read<double>()[i], step = kStep * std::max(1.0, std::abs(x));
      auto output = [&](double moved) {
        at.write<double>()[i] = moved;
        return to_vector<double>(f().value());
      };
      auto central = [&](double h) {
        const std::vector<double> up = output(x + h), down = output(x - h);
        double rise = 0;
        for (size_t k = 0; k < p.size(); ++k) rise += p[k] * (up[k] - down[k]);  // differences first: less cancellation
        return rise / (2 * h);
      };
      const double slope = (4 * central(step) - central(2 * step)) / 3;  // order 4: the errors of order 2 cancel
      at.write<double>()[i] = x;
      largest = std::max(largest, std::abs(slope));
      error = worse(error, std::abs(slope - analytic[i]));
    }
    worst = worse(worst, error / largest);
  }
  return worst;
}

double gradient_error(const std::function<Var(const Vars&)>& f, const std::vector<Tensor>& inputs) {
  Vars leaves;
  for (const Tensor& input : inputs) leaves.push_back(Var::leaf(input.clone()));
  return gradient_error([&] { return f(leaves); }, leaves);
}

double largest_difference(const Tensor& a, const std::vector<double>& b) {
  const std::vector<double> x = to_vector<double>(a);
  check(x.size() == b.size(), "largest_difference: a has ", x.size(), " numbers, b ", b.size());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) worst = worse(worst, std::abs(x[i] - b[i]));
  return worst;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  check(a.shape() == b.shape(), "largest_difference: shapes differ: a ", a.shape(), ", b ", b.shape());
  return largest_difference(a, to_vector<double>(b));
}

double relative_error(const std::vector<double>& a, const std::vector<double>& b) {
  check(a.size() == b.size(), "relative_error: a has ", a.size(), " numbers, b ", b.size());
  double difference = 0, norm = 0;
  for (size_t i = 0; i < a.size(); ++i) difference += (a[i] - b[i]) * (a[i] - b[i]), norm += b[i] * b[i];
  const double error = std::sqrt(difference) / std::max(std::sqrt(norm), 1e-12);
  return std::isfinite(error) ? error : INFINITY;
}

double relative_error(const Tensor& a, const Tensor& b) {
  check(a.shape() == b.shape(), "relative_error: shapes differ: a ", a.shape(), ", b ", b.shape());
  return relative_error(to_vector<double>(a), to_vector<double>(b));
}

}  // namespace camo::test
