// The slope of a function of one number, from its values alone.
//
// f is smooth, and its values are known to a relative 1e-16.  The slope must be right to 1e-9 of its size.  One difference with the
// best step reaches 1e-10 at times and 1e-8 at others; two of them, combined so that the error of order h^2 cancels, always do.
#include <cmath>
#include <functional>

#include "examples/exercises/exercise.h"

namespace camo::exercises::tests_01 {

#ifdef CAMO_SOLUTION
#include "examples/exercises/tests/01_solution.cpp"
#else
double slope(const std::function<double(double)>& f, double x) {
  (void)f, (void)x;
  todo("slope(f, x): central differences");
}
#endif

static void check() {
  const std::pair<std::function<double(double)>, std::function<double(double)>> functions[] = {
      {[](double x) { return std::sin(3 * x); }, [](double x) { return 3 * std::cos(3 * x); }},
      {[](double x) { return std::exp(2 * x); }, [](double x) { return 2 * std::exp(2 * x); }},
      {[](double x) { return 1 / (1 + x * x); }, [](double x) { return -2 * x / std::pow(1 + x * x, 2); }}};
  for (const auto& [f, truth] : functions)
    for (double x : {-1.3, -0.4, 0.2, 0.9, 1.7}) {
      const double error = std::abs(slope(f, x) - truth(x)) / std::abs(truth(x));
      expect(error < 1e-4, "At ", x, " it is wrong by ", error,
             ": is the difference divided by the distance of its two points?");
      expect(error<1e-9, "At ", x, " it is wrong by ", error, error> 1e-8
                 ? ". Try another step: smaller, if the curve bends; larger, if rounding spoils the difference."
                 : ". Combine the differences at h and 2 h as (4 D(h) - D(2 h)) / 3, with h near 1e-3 / 5.");
    }
}

static const bool added = add_exercise({"tests/01", "Write a gradient check for one number.", check});

}  // namespace camo::exercises::tests_01
