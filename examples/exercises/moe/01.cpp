// How the loss reaches the gate.
//
// One image with K chosen experts: y = x + sum_k w_k r_k, and w = softmax(z) over the chosen logits.  dy has C numbers, r has K
// rows of C.  Fill dz (K numbers).
#include <cmath>

#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::moe_01 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/moe/01_solution.cpp"
#else
void gate_backward(const double* w, const double* r, const double* dy, int64_t K, int64_t C, double* dz) {
  (void)w, (void)r, (void)dy, (void)K, (void)C, (void)dz;
  todo("gate_backward: first the gradient of each weight, then the softmax");
}
#endif

static void check() {
  const std::vector<double> w = {0.75, 0.25}, r = {1, 0, 0, 2}, dy = {-1, 1};
  std::vector<double> dz(2);
  gate_backward(w.data(), r.data(), dy.data(), 2, 2, dz.data());
  expect(std::abs(dz[0] + dz[1]) < 1e-12,
         "The gradients of the logits add up to 0: a number added to all changes no weight.");
  expect(std::abs(dz[0] + 9 / 16.0) < 1e-12, "On paper dz is (-9/16, 9/16), yours begins with ", dz[0],
         ". The gradient of w_k is the product of dy and r_k.");
  double one = 7;
  gate_backward(std::vector<double>{1}.data(), r.data(), dy.data(), 1, 2, &one);
  expect(one == 0, "With one expert chosen the gate gets no gradient, yours is ", one, ".");
  const int64_t K = 3, C = 5;
  const Var z = Var::leaf(randn({K}, 1, DType::f64));
  const Tensor rows = randn({K, C}, 2, DType::f64), seed = randn({1, C}, 3, DType::f64);
  const Var weight = softmax(z);
  backward(matmul(reshape(weight, {1, K}), Var(rows)), seed);
  std::vector<double> mine(3);
  gate_backward(weight.value().read<double>(), rows.read<double>(), seed.read<double>(), K, C, mine.data());
  for (int64_t k = 0; k < K; ++k)
    expect(std::abs(mine[size_t(k)] - z.grad().read<double>()[k]) < 1e-10,
           "Wrong for three experts of random numbers.");
}

static const bool added = add_exercise({"moe/01", "Derive the gradient of the gate.", check});

}  // namespace camo::exercises::moe_01
