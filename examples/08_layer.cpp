// A layer of your own: checked, trained, saved, resumed, and a step with a NaN that leaves no trace.
//
// The idea: a layer is a struct with a forward function, and the library does the rest by name.  The layer here is RMSNorm, which
// divides a row by its root mean square (Zhang, Sennrich 2019, arXiv:1910.07467), within a small network.
// Read beside it: nn/4_layers.md.  Next: 09_segment.cpp.
#include <cmath>
#include <cstdio>

#include "autograd/ops.h"
#include "nn/checking/layer_case.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/optim.h"
#include "nn/state_dict.h"
#include "tensor/random.h"

using namespace camo;

namespace {

// [layer]
struct RmsNorm : nn::Module {
  Var& gain;
  RmsNorm(nn::Scope s, int64_t dim)
      : Module(std::move(s)), gain(parameter("gain", {dim}, nn::constant(1), {.decay = false})) {}
  Var forward(const Var& x) { return x * rsqrt(mean(square(x), {-1}, true) + 1e-6) * cast(gain, x.dtype()); }
};
// [/layer]

// [net]
struct Net : nn::Module {
  nn::Linear in, out;
  RmsNorm norm;
  explicit Net(nn::Scope s)
      : Module(std::move(s)), in(sub("in"), 2, 32), out(sub("out"), 32, 1), norm(sub("norm"), 32) {}
  Var forward(const Var& x) { return out.forward(gelu(norm.forward(in.forward(x)))); }
};
// [/net]

/// One step towards f(x, y) = x y on 64 random points; their loss.
double step(Net& net, nn::Optimizer& optimizer, uint64_t seed, bool poison = false) {
  Tensor x = randn({64, 2}, seed), target = empty({64, 1}, DType::f32);
  for (int64_t i = 0; i < 64; ++i) target.write<float>()[i] = x.read<float>()[2 * i] * x.read<float>()[2 * i + 1];
  if (poison) x.write<float>()[5] = NAN;
  // [step]
  Var loss = mean(square(net.forward(Var(x)) - Var(target)));
  backward(loss);
  const nn::StepResult result = optimizer.step(/*rate=*/3e-3);
  if (result.accepted) nn::commit(net);
  else nn::discard(net);
  // [/step]
  if (!result.accepted) std::printf("refused: the gradient of %s is not finite\n", result.non_finite.c_str());
  return item(loss.value());
}

bool same(const nn::NamedTensors& a, const nn::NamedTensors& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!equal_bits(a[i].second, b[i].second)) return false;
  return true;
}
nn::NamedTensors copy(const nn::NamedTensors& tensors) {
  nn::NamedTensors out;
  for (const auto& [name, t] : tensors) out.emplace_back(name, t.clone());
  return out;
}

}  // namespace

int main() {
  // [check]
  const test::LayerCase layer{
      .name = "RmsNorm", .make = test::layer<RmsNorm>(/*dim=*/6), .inputs = {{2, 5, 6}}, .output = {2, 5, 6}};
  for (const std::string& failure : test::failures(layer)) std::puts(failure.c_str());
  // [/check]
  bool good = test::failures(layer).empty();
  std::printf("checked: %s\n\n", good ? "seven checks, none failed" : "NOT all passed");

  Net net(nn::Scope{.seed = 1});
  nn::AdamW optimizer(net, {.decay = 0.01});
  for (uint64_t i = 0; i <= 600; ++i) {
    const double loss = step(net, optimizer, 10 + i);
    if (i % 200 == 0) std::printf("step %3d  loss %.4f\n", int(i), loss);
    if (i == 600) good = good && loss < 0.05;
  }

  // A step with a NaN in its input.
  const auto before = copy(nn::state_dict(net)), moments = copy(optimizer.state());
  step(net, optimizer, 1, /*poison=*/true);
  const bool untouched = same(before, nn::state_dict(net)) && same(moments, optimizer.state());
  std::printf("weights and moments afterwards: %s\n\n", untouched ? "the same bits" : "CHANGED");

  // Saved, and gone on with by another network.
  // [resume]
  Net other(nn::Scope{.seed = 2});
  nn::AdamW its_optimizer(other, {.decay = 0.01});
  nn::load_state_dict(other, copy(nn::state_dict(net)));
  its_optimizer.load_state(copy(optimizer.state()));
  // [/resume]
  for (uint64_t i = 0; i < 10; ++i) step(net, optimizer, 1000 + i), step(other, its_optimizer, 1000 + i);
  const bool resumed = same(nn::state_dict(net), nn::state_dict(other));
  std::printf("ten steps on from the saved state: %s\n", resumed ? "the same bits" : "OTHER bits");
  return good && untouched && resumed ? 0 : 1;
}
