// Two outputs of three taps with four multiplications (Winograd's F(2, 3)).
//
// A number of the type Counted counts the products of two of its kind.  Halving, adding and subtracting are free; the sums
// of g could be computed once for many d.
#include <vector>

#include "examples/exercises/exercise.h"

namespace camo::exercises::tensor_08 {

int g_products = 0;

struct Counted {
  double value = 0;
};
[[maybe_unused]] Counted operator+(Counted a, Counted b) { return {a.value + b.value}; }
[[maybe_unused]] Counted operator-(Counted a, Counted b) { return {a.value - b.value}; }
[[maybe_unused]] Counted operator*(Counted a, Counted b) { return ++g_products, Counted{a.value * b.value}; }
[[maybe_unused]] Counted half(Counted a) { return {a.value / 2}; }

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/08_solution.cpp"
#else
void two_outputs(const Counted* d, const Counted* g, Counted* y) {
  (void)d, (void)g, (void)y;
  todo("two_outputs: y[0] = d0 g0 + d1 g1 + d2 g2 and y[1] = d1 g0 + d2 g1 + d3 g2");
}
#endif

static void check() {
  const Counted d[] = {{3}, {-1}, {4}, {2}}, g[] = {{2}, {5}, {-3}};
  Counted y[2];
  g_products = 0;
  two_outputs(d, g, y);
  expect(y[0].value == 3 * 2 - 5 - 12 && y[1].value == -2 + 20 - 6,
         "For d = (3, -1, 4, 2) and g = (2, 5, -3) y is (-11, 12), yours is (", y[0].value, ", ", y[1].value, ").");
  expect(g_products <= 4, "It is right, with ", g_products, " multiplications; four suffice.");
}

static const bool added =
    add_exercise({"tensor/08", "Compute two outputs of three taps with four multiplications.", check});

}  // namespace camo::exercises::tensor_08
