// The gradient of the overlap term of the structure loss.
//
// L = 1 - (I + 1) / (U + 1) with I = sum w p t and U = sum w (p + t) - I.  Return dL/dp for each pixel; t is 0 or 1.
#include <cmath>

#include "examples/exercises/exercise.h"

namespace camo::exercises::examples_01 {

using Numbers = std::vector<double>;

#ifdef CAMO_SOLUTION
#include "examples/exercises/examples/01_solution.cpp"
#else
Numbers gradient(const Numbers& p, const Numbers& t, const Numbers& w) {
  (void)p, (void)t, (void)w;
  todo("gradient(p, t, w): -w / (U + 1) on the object; what on the background?");
}
#endif

static double loss(const Numbers& p, const Numbers& t, const Numbers& w) {
  double both = 0, sum = 0;
  for (size_t i = 0; i < p.size(); ++i) both += w[i] * p[i] * t[i], sum += w[i] * (p[i] + t[i]);
  return 1 - (both + 1) / (sum - both + 1);
}

static void check() {
  const Numbers paper = gradient({0.5, 0.5, 0.5, 0.5}, {1, 1, 0, 0}, {1, 1, 1, 1});
  expect(paper.size() == 4, "Four pixels have four gradients, yours are ", paper.size(), ".");
  expect(std::abs(paper[0] + 0.25) < 1e-12, "In the chapter's example the object's gradient is -1/4, yours is ",
         paper[0], ".");
  expect(std::abs(paper[2] - 0.125) < 1e-12, "In the chapter's example the background's gradient is 1/8, yours is ",
         paper[2], ".");
  const Numbers t = {0, 1, 1, 0, 1}, w = {1, 2.5, 6, 3, 1.2};
  Numbers p = {0.2, 0.9, 0.4, 0.7, 0.1};
  const Numbers got = gradient(p, t, w);
  for (size_t i = 0; i < p.size(); ++i) {
    const double h = 1e-6, was = p[i];
    p[i] = was + h;
    const double above = loss(p, t, w);
    p[i] = was - h;
    const double slope = (above - loss(p, t, w)) / (2 * h);
    p[i] = was;
    expect(std::abs(got[i] - slope) < 1e-8, "With other weights the slope at pixel ", i, " is ", slope, ", yours is ",
           got[i], ".");
  }
}

static const bool added = add_exercise({"examples/01", "Derive the gradient of the weighted overlap.", check});

}  // namespace camo::exercises::examples_01
