// A product of two tensors of one shape, as an op of your own.
//
// record() takes the name, the value, the inputs and a closure.  The closure gets dy, the gradient of the result, and
// hands each input its gradient: d[0] = ..., d[1] = ....  Save with save_for(other, x): x is needed only if `other` wants a
// gradient.
#include "autograd/debug.h"
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::autograd_01 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/01_solution.cpp"
#else
Var times(const Var& a, const Var& b) {
  (void)a, (void)b;
  todo("times(a, b): the product of a and b, element by element, with both gradients");
}
#endif

static void check() {
  const Tensor a = randn({3, 4}, 1, DType::f64), b = randn({3, 4}, 2, DType::f64);
  expect(equal_bits(times(Var(a), Var(b)).value(), mul(a, b)), "The value is not a b.");
  const double error = test::gradient_error([](const Vars& x) { return times(x[0], x[1]); }, {a, b});
  expect(error < 1e-8, "A gradient is wrong by ", error, " of the largest. With respect to a it is dy b.");
  const double square = test::gradient_error([](const Vars& x) { return times(x[0], x[0]); }, {a});
  expect(square < 1e-8, "times(a, a) has a wrong gradient: each use of a must add its part.");
  const int64_t kept = debug::bytes_kept(times(Var::leaf(a), Var(b)));
  expect(kept == b.bytes(), "With a constant b only b has to be kept, ", b.bytes(), " bytes; yours keeps ", kept,
         ". Save a with save_for(b, a).");
}

static const bool added = add_exercise({"autograd/01", "Write an op: the product of two tensors of one shape.", check});

}  // namespace camo::exercises::autograd_01
