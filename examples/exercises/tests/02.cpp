// A test that cannot fail.
//
// The naive check below compares the gradient of sum(f(x)) with differences.  Give it an op whose backward pass returns zeros, which
// is wrong, so that the naive check still finds an error below 0.01, while gradient_error() finds the mistake.
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::tests_02 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tests/02_solution.cpp"
#else
Var wrong_op(const Var& x) {
  (void)x;
  todo("wrong_op(x): record(\"wrong\", value, {x}, a closure that gives zeros), for a value that is not constant");
}
#endif

static void check() {
  const Tensor x = randn({2, 5}, 1, DType::f64);
  const Tensor y = wrong_op(Var(x)).value();
  expect(test::largest_difference(y, wrong_op(Var(x * 2.0)).value()) > 1e-3,
         "Its value does not depend on x: then zeros are right.");
  const double naive = test::gradient_error([](const Vars& v) { return sum(wrong_op(v[0])); }, {x});
  expect(naive < 0.01, "The naive check notices, with an error of ", naive,
         ". Which functions have a sum that never changes?");
  double rise = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    Tensor moved = x.clone();
    moved.write<double>()[i] += 1e-4;
    rise = std::max(rise, std::abs(item(sum(wrong_op(Var(moved)).value())) - item(sum(y))));
  }
  expect(rise < 1e-9, "The sum of its outputs moves by ", rise, " when x does, so the naive check would notice.");
  expect(test::gradient_error([](const Vars& v) { return wrong_op(v[0]); }, {x}) > 1e-3,
         "gradient_error() finds nothing wrong: the backward pass must return zeros.");
}

static const bool added = add_exercise({"tests/02", "Find an op that a plain sum cannot check.", check});

}  // namespace camo::exercises::tests_02
