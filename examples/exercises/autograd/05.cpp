// The gradients of a product, with loops.
//
// Y (M, N) = A (M, K) B (K, N).  dA = dY B^T, dB = A^T dY.  Write both as three loops over m, n, k, without a transposed copy.
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::autograd_05 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/05_solution.cpp"
#else
/// dA (M, K) and dB (K, N), row by row, filled with zeros before the call.
void product_backward(const double* A, const double* B, const double* dY, int64_t M, int64_t N, int64_t K, double* dA,
                      double* dB) {
  (void)A, (void)B, (void)dY, (void)M, (void)N, (void)K, (void)dA, (void)dB;
  todo("product_backward: every y_mn = sum_k a_mk b_kn gives each a_mk and each b_kn its part");
}
#endif

static void check() {
  const int64_t M = 3, N = 5, K = 4;
  const Tensor A = randn({M, K}, 1, DType::f64), B = randn({K, N}, 2, DType::f64), dY = randn({M, N}, 3, DType::f64);
  std::vector<double> dA(size_t(M * K)), dB(size_t(K * N));
  product_backward(A.read<double>(), B.read<double>(), dY.read<double>(), M, N, K, dA.data(), dB.data());
  expect(test::largest_difference(matmul(dY, B, Trans::no, Trans::yes), dA) < 1e-12,
         "dA is wrong: a_mk is multiplied by b_kn in y_mn, for every n.");
  expect(test::largest_difference(matmul(A, dY, Trans::yes, Trans::no), dB) < 1e-12,
         "dB is wrong: b_kn is multiplied by a_mk in y_mn, for every m.");
}

static const bool added = add_exercise({"autograd/05", "Write both gradients of a matrix product.", check});

}  // namespace camo::exercises::autograd_05
