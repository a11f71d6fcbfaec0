// The order of a backward pass, on paper.
//
//   a = 2, b = 3;  p = a b;  s = p + b;  y = s s
//
// The nodes are made in this order: a, b, p, s, y.  Write down the gradient of y with respect to each when it is complete,
// and the order in which the engine visits the nodes (1 is first).
#include "autograd/ops.h"
#include "examples/exercises/exercise.h"

namespace camo::exercises::autograd_02 {

struct Paper {
  double a, b, p, s, y;                             // gradients
  int visit_a, visit_b, visit_p, visit_s, visit_y;  // 1 to 5
};

#ifdef CAMO_SOLUTION
#include "examples/exercises/autograd/02_solution.cpp"
#else
Paper on_paper() { todo("on_paper(): five gradients and five places"); }
#endif

static void check() {
  const Paper p = on_paper();
  expect(p.y == 1, "The pass begins with dy/dy = 1.");
  expect(p.s == 18, "y = s s, so dy/ds = 2 s; s is 9.");
  expect(p.p == 18, "s = p + b gives its gradient on to both, unchanged.");
  expect(p.a == 54, "p = a b, so a receives dy/dp times b.");
  expect(p.b == 54, "b is used twice: s gives it 18, p gives it 18 a. They add up.");
  expect(p.visit_y == 1 && p.visit_s == 2 && p.visit_p == 3, "The newest node comes first.");
  expect(p.visit_b == 4 && p.visit_a == 5, "b was made after a, so it is visited before a; both only keep their sum.");
  const Var a = Var::leaf(full({}, 2.0)), b = Var::leaf(full({}, 3.0));
  const Var s = a * b + b;
  backward(s * s);
  expect(item(a.grad()) == p.a && item(b.grad()) == p.b, "The engine found other numbers.");
}

static const bool added =
    add_exercise({"autograd/02", "Predict the gradients of y = (a b + b)^2 and the order of the pass.", check});

}  // namespace camo::exercises::autograd_02
