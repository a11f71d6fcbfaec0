// The same gradient in three ways: by finite differences, by hand, and by autograd.
//
// The idea: it is enough that every op knows its own derivative.  The chain rule passes gradients from the newest op
// back to the oldest, and a value that is used twice receives the sum of two gradients.  Here one neuron learns
// whether a point lies in a half plane.  Its gradient by autograd must equal the one derived on paper, and the
// finite difference.
// Before: 01_tensors.cpp.  Next: 03_mnist.cpp.  The engine itself: autograd/engine.cpp.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "autograd/ops.h"
#include "tensor/random.h"

using namespace camo;

namespace {

// loss(w) = mean over points of log(1 + exp(-t x.w)), where t is +1 or -1: the side that a point lies on.
Var loss_of(const Var& w, const Tensor& x, const Tensor& t) {
  Var score = matmul(Var(x), w);  // (N, 2) x (2, 1): one number per point
  return mean(softplus(-(Var(t) * score)));
}

// By hand: d loss / d w = mean of -t x / (1 + exp(t x.w)).
Tensor by_hand(const Tensor& w, const Tensor& x, const Tensor& t) {
  Tensor out = zeros({2, 1}, DType::f64);
  double* dw = out.write<double>();
  const double *W = w.read<double>(), *X = x.read<double>(), *T = t.read<double>();
  const int64_t N = x.dim(0);
  for (int64_t i = 0; i < N; ++i) {
    const double margin = T[i] * (X[2 * i] * W[0] + X[2 * i + 1] * W[1]);
    const double pull = -T[i] / (1 + std::exp(margin)) / double(N);
    dw[0] += pull * X[2 * i], dw[1] += pull * X[2 * i + 1];
  }
  return out;
}

// By finite differences: how much does the loss change when one number changes a little?
Tensor by_nudging(const Tensor& w, const Tensor& x, const Tensor& t) {
  Tensor out = zeros({2, 1}, DType::f64);
  for (int i = 0; i < 2; ++i) {
    const double step = 1e-5;
    Tensor up = w.clone(), down = w.clone();
    up.write<double>()[i] += step, down.write<double>()[i] -= step;
    out.write<double>()[i] =
        (item(loss_of(Var(up), x, t).value()) - item(loss_of(Var(down), x, t).value())) / (2 * step);
  }
  return out;
}

double difference(const Tensor& a, const Tensor& b) { return item(max(abs(a - b))); }

}  // namespace

int main() {
  // A value that is used twice receives both gradients: d(a * a + a)/da = 2 a + 1 = 7.
  Var a = Var::leaf(full({}, 3, DType::f64));
  backward(a * a + a);
  std::printf("d(a a + a)/da at 3 is %.0f\n\n", item(a.grad()));

  // 200 points, each with the side of a line through the origin that it lies on.
  Tensor x = randn({200, 2}, /*seed=*/1, DType::f64);
  Tensor truth = from<double>({0.6, -0.8}, {2, 1});
  Tensor side = matmul(x, truth), t = zeros({200, 1}, DType::f64);
  for (int64_t i = 0; i < 200; ++i) t.write<double>()[i] = side.read<double>()[i] > 0 ? 1 : -1;

  Var w = Var::leaf(from<double>({0.5, 0.5}, {2, 1}));
  backward(loss_of(w, x, t));
  Tensor paper = by_hand(w.value(), x, t), nudged = by_nudging(w.value(), x, t);
  std::printf("            d/dw0         d/dw1\n");
  for (auto [how, g] : {std::pair{"autograd", w.grad()}, {"by hand", paper}, {"by nudging", nudged}})
    std::printf("%-10s %12.9f  %12.9f\n", how, g.read<double>()[0], g.read<double>()[1]);
  const double worst = std::max(difference(w.grad(), paper), difference(w.grad(), nudged));

  // Gradient descent.  A sum of tensors has no gradient of its own, so each step makes a leaf of the new numbers.
  std::printf("\n");
  for (int step = 0; step <= 200; ++step) {
    w = Var::leaf(w.value());
    Var loss = loss_of(w, x, t);  // builds the graph
    backward(loss);               // fills w.grad(), frees the graph
    if (step % 50 == 0) std::printf("step %3d  loss %.4f\n", step, item(loss.value()));
    w = Var(w.value() - w.grad() * 2.0);
  }
  const double *W = w.value().read<double>(), cosine = (0.6 * W[0] - 0.8 * W[1]) / std::hypot(W[0], W[1]);
  std::printf("\nthe three gradients agree to %.1e; direction found: cosine %.5f\n", worst, cosine);
  return worst < 1e-8 && cosine > 0.999 ? 0 : 1;
}
