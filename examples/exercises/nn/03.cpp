// What an average remembers of its start.
//
//   average <- d average + (1 - d) value,   d = min(decay, (1 + t) / (10 + t)) at update t = 0, 1, ...
//
// How much of the initial value is in the average after `updates` updates?
#include "examples/exercises/exercise.h"
#include "nn/ema.h"
#include "nn/layers.h"

namespace camo::exercises::nn_03 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/nn/03_solution.cpp"
#else
double share_of_start(double decay, int64_t updates) {
  (void)decay, (void)updates;
  todo("share_of_start: a product");
}
#endif

static void check() {
  expect(share_of_start(0.999, 0) == 1, "Before the first update the average is its start.");
  expect(std::abs(share_of_start(0.999, 1) - 0.1) < 1e-12, "The first update keeps d = min(0.999, 1/10) of it.");
  expect(std::abs(share_of_start(0.05, 1) - 0.05) < 1e-12,
         "d is the smaller of the two: with decay = 0.05 that is 0.05.");
  nn::Linear net(nn::Scope{.seed = 1}, 1, 1, {.bias = false});
  fill(net.weight.value(), 1);
  nn::Ema ema(net, 0.9);
  fill(net.weight.value(), 0);
  for (int i = 0; i < 30; ++i) ema.update();
  const double left = item(ema.state().front().second);
  expect(std::abs(share_of_start(0.9, 30) - left) < 1e-6 + 1e-4 * left, "After 30 updates with decay 0.9 it is ", left,
         ", yours is ", share_of_start(0.9, 30), ".");
}

static const bool added = add_exercise({"nn/03", "Compute how fast an average forgets its start.", check});

}  // namespace camo::exercises::nn_03
