// Which tensors share a block?
//
//   Tensor a = zeros({4, 3});
//   Tensor b = a;                       Tensor f = permute(a, {1, 0});
//   Tensor c = a.clone();               Tensor g = a.reshape({3, 4});
//   Tensor d = a.slice(1, 3);           Tensor h = g.slice(0, 1);
//   Tensor e = d.reshape({6});
//   e.write<float>()[0] = 7;
//
// Say for each of b to h whether it now holds a 7.
#include "examples/exercises/exercise.h"
#include "tensor/ops/layout.h"
#include "tensor/ops/reduce.h"

namespace camo::exercises::tensor_01 {

struct Holds {
  bool b, c, d, e, f, g, h;
};

#ifdef CAMO_SOLUTION
#include "examples/exercises/tensor/01_solution.cpp"
#else
Holds predicted() { todo("predicted(): true where a tensor holds the 7"); }
#endif

static void check() {
  Tensor a = zeros({4, 3}), b = a, c = a.clone(), d = a.slice(1, 3), e = d.reshape({6}), f = permute(a, {1, 0});
  Tensor g = a.reshape({3, 4}), h = g.slice(0, 1);
  const Holds p = predicted();
  e.write<float>()[0] = 7;
  const auto seven = [](const Tensor& x) { return item(max(x)) == 7; };
  expect(p.b == seven(b), "b: copying a Tensor copies the pointer.");
  expect(p.c == seven(c), "c: clone() copies the numbers.");
  expect(p.d == seven(d) && p.e == seven(e), "d and e: slice and reshape are views.");
  expect(p.f == seven(f), "f: permute copies, there are no strides.");
  expect(p.g == seven(g), "g: a view of all of a.");
  expect(p.h == seven(h), "h: numbers 0 to 3 of the block. Where does e begin?");
}

static const bool added = add_exercise({"tensor/01", "Predict which tensors see a write.", check});

}  // namespace camo::exercises::tensor_01
