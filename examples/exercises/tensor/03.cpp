// A softmax that does not know its row yet.
//
// Scores and values come one at a time.  After any number of them result() is sum(p v) with p the softmax of the scores so far.
// Keep three numbers: the largest score m, the sum l of exp(s - m), and the sum y of exp(s - m) v.
#include <cmath>
#include <limits>

#include "examples/exercises/exercise.h"

namespace camo::exercises::tensor_03 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/03_solution.cpp"
#else
struct Running {
  double m = -std::numeric_limits<double>::infinity(), l = 0, y = 0;
  void take(double score, double value) {
    (void)score, (void)value;
    todo("take(score, value): when the score beats m, what was summed shrinks");
  }
  double result() const { return y / l; }
};
#endif

static void check() {
  Running paper;
  for (int i = 0; i < 3; ++i) paper.take(i * std::log(2.0), i + 1);
  expect(std::abs(paper.l - 1.75) < 1e-12, "After scores 0, log 2, log 4 the sum l is 1.75, yours is ", paper.l, ".");
  expect(std::abs(paper.result() - 17 / 7.0) < 1e-12, "With values 1, 2, 3 the result is 17/7, yours is ",
         paper.result(), ". y shrinks with l.");
  Running falling;
  for (int i = 2; i >= 0; --i) falling.take(i * std::log(2.0), i + 1);
  expect(std::abs(falling.result() - 17 / 7.0) < 1e-12, "In the other order the result is ", falling.result(),
         ", and should be the same: a smaller score adds exp(s - m) and changes no m.");
  Running large;
  large.take(1000, 1), large.take(1001, 2);
  expect(std::abs(large.result() - (1 + 2 * std::exp(1.0)) / (1 + std::exp(1.0))) < 1e-9,
         "Scores of 1000 and 1001 give ", large.result(), ": no power may be larger than 1.");
}

static const bool added = add_exercise({"tensor/03", "Write the running softmax.", check});

}  // namespace camo::exercises::tensor_03
