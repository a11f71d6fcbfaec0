// The S-measure's score of an object.
//
// x are the greys of the map where the mask is 1, in [0, 1].  The score is 2 m / (m^2 + 1 + s), with their mean m and their standard
// deviation s, which divides by n - 1 (and is 0 for one pixel).
#include <cmath>

#include "examples/exercises/exercise.h"

namespace camo::exercises::examples_02 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/examples/02_solution.cpp"
#else
double object_score(const std::vector<double>& x) {
  (void)x;
  todo("object_score(x): mean, deviation, score");
}
#endif

static void check() {
  const auto near = [](double a, double b) { return std::abs(a - b) < 1e-4; };
  expect(near(object_score({1, 1, 1}), 1), "A map that is 1 on the whole object scores 1, yours is ",
         object_score({1, 1, 1}), ".");
  expect(near(object_score({0.8, 0.8}), 0.97561), "0.8 and 0.8 score 0.9756, yours is ", object_score({0.8, 0.8}), ".");
  expect(near(object_score({0.6, 1.0}), 0.83210), "0.6 and 1.0 have the same mean and score 0.8321, yours is ",
         object_score({0.6, 1.0}), ". Does the deviation divide by n - 1?");
  expect(near(object_score({0.5}), 0.8), "One pixel of 0.5 has no deviation and scores 0.8, yours is ",
         object_score({0.5}), ".");
  expect(object_score({0, 0}) == 0, "A map that misses the object scores 0.");
}

static const bool added = add_exercise({"examples/02", "Score an object as the S-measure does.", check});

}  // namespace camo::exercises::examples_02
