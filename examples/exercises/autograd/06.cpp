// The backward pass of softmax, for one row.
//
// y = softmax(x) is given.  dx_i = y_i (dy_i - s), and s is one number for the row: derive it, or look into chapter 3.
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::autograd_06 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/06_solution.cpp"
#else
void softmax_backward(const double* y, const double* dy, double* dx, int64_t n) {
  (void)y, (void)dy, (void)dx, (void)n;
  todo("softmax_backward: dx of one row of n numbers");
}
#endif

static void check() {
  const std::vector<double> y = {1 / 8.0, 2 / 8.0, 5 / 8.0}, dy = {8, 0, 0};
  std::vector<double> dx(3);
  softmax_backward(y.data(), dy.data(), dx.data(), 3);
  expect(std::abs(dx[0] + dx[1] + dx[2]) < 1e-12, "The elements of dx must add up to 0, yours to ",
         dx[0] + dx[1] + dx[2], ": a number added to every x changes nothing.");
  expect(std::abs(dx[0] - 7 / 8.0) < 1e-12,
         "For y = (1, 2, 5)/8 and dy = (8, 0, 0), dx is (7, -2, -5)/8; yours begins with ", dx[0], ".");
  const double error = test::gradient_error(
      [](const Vars& x) {
        return record("softmax", softmax(x[0].value()), {x[0]},
                      [Y = Saved(softmax(x[0].value()))](const Tensor& g, Grads& d) {
                        Tensor out = empty_like(g);
                        softmax_backward(Y.get().read<double>(), g.read<double>(), out.write<double>(), g.numel());
                        d[0] = out;
                      });
      },
      {randn({7}, 1, DType::f64)});
  expect(error < 1e-8, "Wrong by ", error, " on seven random numbers.");
}

static const bool added = add_exercise({"autograd/06", "Write the backward pass of softmax.", check});

}  // namespace camo::exercises::autograd_06
