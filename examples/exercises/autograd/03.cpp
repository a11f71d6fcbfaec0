// hypot(a, b) = sqrt(a^2 + b^2) as one op that keeps little.
//
// With y the value: dy/da = a / y and dy/db = b / y.  Three numbers per element would do; two are enough, whichever two.
#include "autograd/debug.h"
#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"
#include "tensor/random.h"

namespace camo::exercises::autograd_03 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/03_solution.cpp"
#else
Var length(const Var& a, const Var& b) {
  (void)a, (void)b;
  todo("length(a, b): sqrt(a a + b b), element by element, keeping two tensors");
}
#endif

static void check() {
  const Tensor a = from<double>({3, 5, -8}, {3}), b = from<double>({4, 12, 15}, {3});
  expect(test::largest_difference(length(Var(a), Var(b)).value(), std::vector<double>{5, 13, 17}) < 1e-12,
         "The value of (3, 4) is 5, of (5, 12) 13, of (-8, 15) 17.");
  const double error = test::gradient_error([](const Vars& x) { return length(x[0], x[1]); },
                                            {randn({4, 5}, 1, DType::f64), randn({4, 5}, 2, DType::f64)});
  expect(error < 1e-7, "A gradient is wrong by ", error, " of the largest. It is dy a / y and dy b / y.");
  const int64_t kept = debug::bytes_kept(length(Var::leaf(a), Var::leaf(b)));
  expect(kept <= 2 * a.bytes(), "It keeps ", kept, " bytes, that is ", kept / a.bytes(),
         " tensors; the third follows from the other two.");
}

static const bool added = add_exercise({"autograd/03", "Write hypot as an op that keeps two tensors.", check});

}  // namespace camo::exercises::autograd_03
