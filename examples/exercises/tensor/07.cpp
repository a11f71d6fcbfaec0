// Both gradients of a convolution along one axis.
//
// y_i = sum over u of x_{s i + u - p} w_u, where x counts as 0 outside 0 ... n-1; there are m outputs and k taps.
// Given dy (m), fill dx (n) and dw (k).
#include "autograd/gradient_check.h"
#include "examples/exercises/exercise.h"
#include "tensor/ops/conv.h"
#include "tensor/random.h"

namespace camo::exercises::tensor_07 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/07_solution.cpp"
#else
void conv_backward(const double* x, const double* w, const double* dy, int64_t n, int64_t k, int64_t m, int64_t s,
                   int64_t p, double* dx, double* dw) {
  (void)x, (void)w, (void)dy, (void)n, (void)k, (void)m, (void)s, (void)p, (void)dx, (void)dw;
  todo("conv_backward: every product x w in y_i gives x its w, and w its x, times dy_i");
}
#endif

static void check() {
  std::vector<double> dx(3, 7), dw(3, 7);
  conv_backward(std::vector<double>{1, 2, 3}.data(), std::vector<double>{1, 0, -1}.data(),
                std::vector<double>{1, 0, 0}.data(), 3, 3, 3, 1, 1, dx.data(), dw.data());
  expect(dw == std::vector<double>{0, 1, 2},
         "On paper dw is (0, 1, 2): the first output reads 0, x_0 and x_1. Begin from 0.");
  expect(dx == std::vector<double>{0, -1, 0}, "On paper dx is (0, -1, 0).");
  for (const auto& [n, k, s, p] : {std::array<int64_t, 4>{9, 3, 1, 1}, {10, 3, 2, 1}, {11, 4, 3, 0}, {7, 2, 2, 0}}) {
    const int64_t m = (n + 2 * p - k) / s + 1;
    // As an image of n x n with a kernel of k x k, of which only one row is not zero, it would be the same; one axis suffices here.
    const Tensor x = randn({n}, 1, DType::f64), w = randn({k}, 2, DType::f64), dy = randn({m}, 3, DType::f64);
    std::vector<double> gx(static_cast<size_t>(n)), gw(static_cast<size_t>(k));
    conv_backward(x.read<double>(), w.read<double>(), dy.read<double>(), n, k, m, s, p, gx.data(), gw.data());
    auto y_dot_dy = [&](const std::vector<double>& a, const std::vector<double>& b) {
      double sum = 0;
      for (int64_t i = 0; i < m; ++i)
        for (int64_t u = 0; u < k; ++u)
          if (const int64_t at = s * i + u - p; at >= 0 && at < n)
            sum += a[size_t(at)] * b[size_t(u)] * dy.read<double>()[i];
      return sum;
    };
    const auto xs = to_vector<double>(x), ws = to_vector<double>(w);
    for (int64_t h = 0; h < n; ++h) {
      std::vector<double> unit(static_cast<size_t>(n));
      unit[size_t(h)] = 1;
      expect(std::abs(gx[size_t(h)] - y_dot_dy(unit, ws)) < 1e-12, "dx is wrong at ", h, " for ", n, " numbers, ", k,
             " taps, stride ", s, ", padding ", p, ".");
    }
    for (int64_t u = 0; u < k; ++u) {
      std::vector<double> unit(static_cast<size_t>(k));
      unit[size_t(u)] = 1;
      expect(std::abs(gw[size_t(u)] - y_dot_dy(xs, unit)) < 1e-12, "dw is wrong at tap ", u, " for stride ", s,
             ", padding ", p, ".");
    }
  }
}

static const bool added = add_exercise({"tensor/07", "Derive both gradients of a convolution.", check});

}  // namespace camo::exercises::tensor_07
