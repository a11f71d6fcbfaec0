// The backward pass of layer norm, for one row without gain and bias.
//
// xhat = (x - mean) r with r = 1 / sqrt(variance + eps) is computed again from x, mean and r.  dx has three terms: h itself, and
// the two parts of h that can change nothing, taken out.
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::autograd_07 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/07_solution.cpp"
#else
/// dx from h, the gradient of xhat.
void norm_backward(const double* x, double mean, double r, const double* h, double* dx, int64_t n) {
  (void)x, (void)mean, (void)r, (void)h, (void)dx, (void)n;
  todo("norm_backward: dx of one row of n numbers");
}
#endif

static void check() {
  std::vector<double> two(2);
  norm_backward(std::vector<double>{1, 3}.data(), 2, 1, std::vector<double>{1, 0}.data(), two.data(), 2);
  expect(std::abs(two[0]) < 1e-12 && std::abs(two[1]) < 1e-12,
         "For x = (1, 3) and h = (1, 0) dx is (0, 0): a row of two always normalises to -1 and 1. Yours is (", two[0],
         ", ", two[1], ").");
  const int64_t n = 6;
  const Tensor x = randn({1, n}, 1, DType::f64) * 3.0, h = randn({1, n}, 2, DType::f64);
  const Tensor one = ones({n}, DType::f64), zero = zeros({n}, DType::f64);
  const LayerNormOut out = layer_norm(x, one, zero, 1e-6);
  std::vector<double> dx(static_cast<size_t>(n));
  norm_backward(x.read<double>(), item(out.mean), item(out.rstd), h.read<double>(), dx.data(), n);
  double along_ones = 0, along_xhat = 0;
  for (int64_t i = 0; i < n; ++i) along_ones += dx[size_t(i)], along_xhat += dx[size_t(i)] * out.y.read<double>()[i];
  expect(std::abs(along_ones) < 1e-9, "dx adds up to ", along_ones,
         "; a shift of the whole row changes nothing, so it must be 0.");
  expect(std::abs(along_xhat) < 1e-4, "The product of dx and xhat is ", along_xhat,
         "; a longer row normalises to the same, so it must be 0.");
  const Tensor truth = layer_norm_backward(h, x, one, out.mean, out.rstd).dx;
  expect(test::largest_difference(truth, dx) < 1e-9, "Right in direction, wrong in size: where does r stand?");
}

static const bool added = add_exercise({"autograd/07", "Write the backward pass of layer norm.", check});

}  // namespace camo::exercises::autograd_07
