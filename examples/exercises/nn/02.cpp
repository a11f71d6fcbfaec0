// One number under Adam.
//
// state holds the averages m and v and the count of steps, all 0 at first.  A step with gradient g changes them and returns by
// how much the number moves.  beta1 = 0.9, beta2 = 0.999, eps = 0.
#include "examples/exercises/exercise.h"

namespace camo::exercises::nn_02 {

struct State {
  double m = 0, v = 0;
  int steps = 0;
};

#ifdef CAMO_SOLUTION
#include "examples/exercises/nn/02_solution.cpp"
#else
double move(State& state, double g, double rate) {
  (void)state, (void)g, (void)rate;
  todo("move(state, g, rate): both averages, both corrections, and the step with its sign");
}
#endif

static void check() {
  State s;
  const double first = move(s, 4, 0.1);
  expect(std::abs(std::abs(first) - 0.1) < 1e-12, "The first step has the size of the rate, whatever g is; yours is ",
         std::abs(first), ". Divide m by 1 - beta1^t and v by 1 - beta2^t.");
  expect(first < 0, "A positive gradient moves the number down.");
  const double second = move(s, 0, 0.1);
  expect(std::abs(second + 0.0670058) < 1e-6, "After g = 4, then 0, the second step is -0.0670, yours is ", second,
         ".");
  State large;
  expect(std::abs(move(large, 1e6, 0.1) - first) < 1e-12,
         "A gradient of a million gives the same first step as one of 4.");
}

static const bool added = add_exercise({"nn/02", "Write a step of Adam for one number.", check});

}  // namespace camo::exercises::nn_02
