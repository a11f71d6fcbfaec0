// Balance without a loss: one move of the controller.
//
// load[e] choices fell on expert e in this optimizer step.  The bias of an expert goes up by `rate` if its load is below the mean,
// down if it is above, and stays if it is equal.
#include <vector>

#include "examples/exercises/exercise.h"

namespace camo::exercises::moe_02 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/moe/02_solution.cpp"
#else
void move_balance(std::vector<double>& balance, const std::vector<int64_t>& load, double rate) {
  (void)balance, (void)load, (void)rate;
  todo("move_balance: compare each load with the mean; the mean need not be an integer");
}
#endif

static void check() {
  std::vector<double> balance = {0, 0, 0, 0.5};
  move_balance(balance, {8, 2, 5, 5}, 0.01);
  expect(balance[0] == -0.01 && balance[1] == 0.01, "The mean load is 5: expert 0 goes down, expert 1 up.");
  expect(balance[2] == 0 && balance[3] == 0.5, "Experts with the mean load stay where they are.");
  std::vector<double> three = {0, 0, 0};
  move_balance(three, {3, 3, 4}, 0.1);
  expect(three[0] == 0.1 && three[1] == 0.1 && three[2] == -0.1,
         "Loads 3, 3, 4 have the mean 10/3. Compare without rounding: E times the load with the sum.");
  std::vector<double> idle = {1, 2};
  move_balance(idle, {0, 0}, 0.1);
  expect(idle[0] == 1 && idle[1] == 2, "Without choices nothing moves.");
}

static const bool added = add_exercise({"moe/02", "Write one step of the balance.", check});

}  // namespace camo::exercises::moe_02
