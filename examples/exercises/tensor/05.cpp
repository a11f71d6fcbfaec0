// The register tile of a product.
//
// c (4 rows, 2 vectors) = a b over K steps.  Row r of a begins at a + r lda; step k of b has two vectors at b + k ldb.  Keep the
// eight sums in an array of Vec<float>, load each vector of b once a step, and write c at the end.
#include "autograd/gradient_check.h"
#include "examples/exercises/exercise.h"
#include "tensor/cpu/vec.h"
#include "tensor/ops/matmul.h"
#include "tensor/random.h"

namespace camo::exercises::tensor_05 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/05_solution.cpp"
#else
void tile(const float* a, int64_t lda, const float* b, int64_t ldb, int64_t K, float* c, int64_t ldc) {
  (void)a, (void)lda, (void)b, (void)ldb, (void)K, (void)c, (void)ldc;
  todo("tile: Vec<float>::load(p), sum += Vec<float>(number) * vector, sum.store(p)");
}
#endif

static void check() {
  constexpr int64_t S = Vec<float>::size, K = 37;
  const Tensor a = randn({4, K}, 1), b = randn({K, 2 * S}, 2), truth = matmul(a, b);
  Tensor c = full({4, 2 * S}, 5.0);
  tile(a.read<float>(), K, b.read<float>(), 2 * S, K, c.write<float>(), 2 * S);
  const auto got = to_vector<double>(c), want = to_vector<double>(truth);
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t j = 0; j < 2 * S; ++j)
      expect(std::abs(got[size_t(r * 2 * S + j)] - want[size_t(r * 2 * S + j)]) < 1e-4, "Row ", r, ", column ", j,
             " is ", got[size_t(r * 2 * S + j)], ", not ", want[size_t(r * 2 * S + j)],
             std::abs(got[size_t(r * 2 * S + j)] - 5 - want[size_t(r * 2 * S + j)]) < 1e-4
                 ? ": begin from 0, not from the old c."
                 : ".");
}

static const bool added = add_exercise({"tensor/05", "Fill the register tile.", check});

}  // namespace camo::exercises::tensor_05
