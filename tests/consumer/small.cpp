// The least that a user of the library builds.
#include <camo/autograd/ops.h>

int main() {
  const camo::Var x = camo::Var::leaf(camo::ones({2, 3}));
  camo::backward(camo::sum(camo::square(x)));
  return camo::item(camo::sum(x.grad())) == 12 ? 0 : 1;
}
