// The adjoint of broadcasting.
//
// x has R rows of C numbers, where R is 1 or M, and C is 1 or N.  Broadcast to (M, N) it adds to every element of y.  Given
// dy (M, N), the gradient of x is a sum over whatever was copied.
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::autograd_04 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/04_solution.cpp"
#else
/// dx (R, C) from dy (M, N), all row by row; dx is not initialised.
void sum_to_shape(const double* dy, int64_t M, int64_t N, double* dx, int64_t R, int64_t C) {
  (void)dy, (void)M, (void)N, (void)dx, (void)R, (void)C;
  todo("sum_to_shape: the sum of dy over each axis along which x has one element");
}
#endif

static void check() {
  const int64_t M = 3, N = 4;
  const Tensor dy = randn({M, N}, 1, DType::f64);
  for (auto [R, C] : {std::pair<int64_t, int64_t>{M, N}, {1, N}, {M, 1}, {1, 1}}) {
    std::vector<double> dx(size_t(R * C), -7);
    sum_to_shape(dy.read<double>(), M, N, dx.data(), R, C);
    const Tensor truth = sum_to(dy, {R, C});
    expect(test::largest_difference(truth, dx) < 1e-12, "Wrong for x of shape (", R, ", ", C, "): ",
           R == M && C == N ? "nothing was copied, so dx is dy." : "sum over the axes of length 1, and begin from 0.");
  }
}

static const bool added = add_exercise({"autograd/04", "Write the adjoint of broadcasting for two axes.", check});

}  // namespace camo::exercises::autograd_04
