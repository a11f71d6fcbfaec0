// The backward pass of attention for one query, from lambda and delta.
//
// The query q has D numbers, k and v have M rows of D, y and dy have D; scale is 1 / sqrt(D).  lambda is log(sum(exp(s))).
// Fill dq (D numbers), and add this query's part to dk and dv (M rows of D).  No array of M numbers is needed.
#include <cmath>

#include "autograd/gradient_check.h"
#include "examples/exercises/exercise.h"
#include "tensor/ops/attention.h"
#include "tensor/random.h"

namespace camo::exercises::tensor_04 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/04_solution.cpp"
#else
void query_backward(const double* q, const double* k, const double* v, const double* y, const double* dy, double lambda,
                    double scale, int64_t M, int64_t D, double* dq, double* dk, double* dv) {
  (void)q, (void)k, (void)v, (void)y, (void)dy, (void)lambda, (void)scale, (void)M, (void)D, (void)dq, (void)dk,
      (void)dv;
  todo("query_backward: delta first, then one loop over the keys");
}
#endif

static void check() {
  const int64_t N = 3, M = 5, D = 4;
  const double scale = 0.5;
  auto rows = [](int64_t n, uint64_t seed) { return randn({1, n, 4}, seed, DType::f64); };
  const Tensor q = rows(N, 1), k = rows(M, 2), v = rows(M, 3), dy = rows(N, 4);
  const AttentionOut out = attention(q, k, v, /*heads=*/1, scale);
  const AttentionGrads truth = attention_backward(dy, q, k, v, out, 1, scale);
  std::vector<double> dq(size_t(N * D)), dk(size_t(M * D)), dv(size_t(M * D));
  for (int64_t i = 0; i < N; ++i)
    query_backward(q.read<double>() + i * D, k.read<double>(), v.read<double>(), out.y.read<double>() + i * D,
                   dy.read<double>() + i * D, out.lse.read<double>()[i], scale, M, D, &dq[size_t(i * D)], dk.data(),
                   dv.data());
  expect(test::largest_difference(truth.dv, dv) < 1e-10,
         "dv is wrong: key j gets p_j dy, and p_j = exp(scale q k_j - lambda).");
  expect(test::largest_difference(truth.dq, dq) < 1e-10,
         "dq is wrong: it is scale times the sum of p_j (dy v_j - delta) k_j, and delta is dy y.");
  expect(test::largest_difference(truth.dk, dk) < 1e-10, "dk is wrong: key j gets scale p_j (dy v_j - delta) q.");
}

static const bool added = add_exercise({"tensor/04", "Write the backward pass of attention for one query.", check});

}  // namespace camo::exercises::tensor_04
