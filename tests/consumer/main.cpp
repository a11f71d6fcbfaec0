// Compiled without the library's processor flags and without its private include folders.
#include <camo/nn/layers.h>

#include <cstdio>

int main() {
  using namespace camo;
  nn::Mlp net(nn::Scope{.seed = 1}, /*dim=*/4, /*hidden=*/8);
  Var x(randn({3, 4}, /*seed=*/2));
  Var loss = mean(square(net.forward(x)));
  backward(loss);
  double norm = 0;
  for (const nn::Parameter& p : net.named_parameters()) norm += item(sum(mul(p.var.grad(), p.var.grad())));
  std::printf("loss %g, squared gradient norm %g\n", item(loss.value()), norm);
  return norm > 0 ? 0 : 1;
}
