// log(sum(exp(x))) of one row, forward and backward, for numbers of any size.
//
// exp(1000) is infinite, and log(exp(-1000)) is -infinity; the answer for (1000, 1000) is 1000 + log 2.  The gradient is a
// function that you know.
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"

namespace camo::exercises::autograd_08 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/08_solution.cpp"
#else
double log_sum_exp(const double* x, int64_t n) {
  (void)x, (void)n;
  todo("log_sum_exp: first take out the largest number");
}
/// dx for the gradient dy of the result.
void log_sum_exp_backward(const double* x, int64_t n, double dy, double* dx) {
  (void)x, (void)n, (void)dy, (void)dx;
  todo("log_sum_exp_backward");
}
#endif

static void check() {
  const std::vector<double> large = {1000, 1000}, small = {-1000, -1001}, mixed = {0, std::log(3.0)};
  expect(std::abs(log_sum_exp(mixed.data(), 2) - std::log(4.0)) < 1e-12, "Of (0, log 3) it is log 4.");
  expect(std::abs(log_sum_exp(large.data(), 2) - 1000 - std::log(2.0)) < 1e-9,
         "Of (1000, 1000) it is 1000 + log 2, yours is ", log_sum_exp(large.data(), 2),
         ". Take out the largest number before exp.");
  expect(std::abs(log_sum_exp(small.data(), 2) + 1000 - std::log1p(std::exp(-1.0))) < 1e-9,
         "Of (-1000, -1001) it is near -999.69, yours is ", log_sum_exp(small.data(), 2), ".");
  std::vector<double> dx(2);
  log_sum_exp_backward(mixed.data(), 2, 2, dx.data());
  expect(std::abs(dx[0] - 0.5) < 1e-12 && std::abs(dx[1] - 1.5) < 1e-12,
         "For (0, log 3) and dy = 2 the gradient is (0.5, 1.5): dy times the softmax.");
  log_sum_exp_backward(large.data(), 2, 1, dx.data());
  expect(std::abs(dx[0] - 0.5) < 1e-12, "The gradient for (1000, 1000) is (0.5, 0.5), yours begins with ", dx[0], ".");
}

static const bool added = add_exercise({"autograd/08", "Write log-sum-exp and its gradient.", check});

}  // namespace camo::exercises::autograd_08
