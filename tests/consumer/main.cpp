// A layer of the user's own, trained one step and checked by the library's own tools.
// Compiled without the library's processor flags and private include folders.
#include <camo/nn/checking/layer_case.h>
#include <camo/nn/layers.h>

#include <cstdio>

using namespace camo;

namespace {

/// value(x) * sigmoid(gate(x)): Dauphin et al. 2017, arXiv:1612.08083.
// [layer]
struct GatedLinear : nn::Module {
  nn::Linear value, gate;
  GatedLinear(nn::Scope s, int64_t in, int64_t out)
      : Module(std::move(s)), value(sub("value"), in, out), gate(sub("gate"), in, out, {.bias = false}) {}
  Var forward(const Var& x) { return value.forward(x) * sigmoid(gate.forward(x)); }
};
// [/layer]

/// The same layer, but its gradient omits the derivative of the gate: the check must fail.
struct Forgetful : GatedLinear {
  using GatedLinear::GatedLinear;
  Var forward(const Var& x) { return value.forward(x) * sigmoid(gate.forward(x.detach())); }
};

template <class L> std::vector<std::string> failures_of(const char* name) {
  return test::failures({.name = name, .make = test::layer<L>(4, 6), .inputs = {{2, 3, 4}}, .output = {2, 3, 6}});
}

}  // namespace

int main() {
  // [use]
  GatedLinear net(nn::Scope{.seed = 1}, /*in=*/4, /*out=*/8);
  Var x(randn({3, 4}, /*seed=*/2));
  Var loss = mean(square(net.forward(x)));
  backward(loss);  // fills .grad() of every parameter
  // [/use]
  double norm = 0;
  for (const nn::Parameter& p : net.named_parameters()) norm += item(sum(square(p.var.grad())));
  std::printf("loss %g, squared gradient norm %g\n", item(loss.value()), norm);

  Var leaf = Var::leaf(randn({3, 4}, /*seed=*/3, DType::f64));
  const double error = test::gradient_error([&] { return tanh(leaf) * leaf; }, {leaf});
  std::printf("gradient error of tanh(x) x: %.1e\n", error);

  const std::vector<std::string> none = failures_of<GatedLinear>("GatedLinear"),
                                 some = failures_of<Forgetful>("Forgetful");
  for (const std::string& failure : none) std::printf("FAILED %s\n", failure.c_str());
  for (const std::string& failure : some) std::printf("as it should: %s\n", failure.c_str());
  return norm > 0 && error < 1e-8 && none.empty() && !some.empty() ? 0 : 1;
}
