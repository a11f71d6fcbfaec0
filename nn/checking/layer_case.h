// LayerCase: one description of a layer drives all checks that a layer should pass.
//
//   const test::LayerCase mlp{
//       .name = "Mlp",
//       .make = test::layer<nn::Mlp>(/*dim=*/6, /*hidden=*/8),
//       .inputs = {{2, 5, 6}},
//       .output = {2, 5, 6}};
//   for (const std::string& failure : test::failures(mlp)) std::puts(failure.c_str());
//
// Every check builds the layer again.  Normal noise (0.25) is added to its initial parameters, so that a norm's gain is
// not 1, a bias not 0 and a layer scale not 1e-6, which could hide errors.  Inputs are normal numbers.
// Public, so that you can check your own layers.  The counterpart for ops is tests/op_case.h.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "autograd/gradient_check.h"
#include "nn/module.h"

namespace camo::test {

enum class LayerCheck {
  shape,        // an f32 input gives an f32 output of the shape that the case states
  gradient,     // f64: gradients of every input and parameter against finite differences
  f32,          // output and gradients in f32 against f64
  bf16,         // the same for bf16 inputs with f32 parameters; the output is bf16, gradients of parameters are f32
  determinism,  // two runs, and runs on 1, 2 and 3 threads: the same bits in output, gradients and buffers
  state_dict,   // names are distinct; a layer of another seed that loads the state_dict gives the same bits
  freeze,       // frozen parameters get no gradient and change no result; freeze(false) restores all gradients
};
const char* name(LayerCheck check);

/// A layer to check: the module, and a function that runs it.
struct Layer {
  std::unique_ptr<nn::Module> module;
  std::function<Var(const Vars&)> forward;
};

struct LayerCase {
  std::string name;
  std::function<Layer(nn::Scope)> make;  // see layer() and layer_by()
  std::vector<Shape> inputs;
  Shape output;
  double gradient_tolerance = 1e-6;                    // relative to the largest gradient of the same tensor
  double f32_tolerance = 2e-5, bf16_tolerance = 2e-2;  // relative L2 error against f64
  /// Parameters that cancel out, as a bias before batch norm or of attention's keys does: only rounding moves the output
  /// with them.  Their gradients must be 0 up to rounding, and nothing else is asked of them.
  std::vector<std::string> without_slope = {};
  std::map<LayerCheck, std::string> except = {};  // check -> why it does not apply
};

/// One line for each check that fails: "Mlp: gradient: fc1.weight: error 0.5 of 1e-06".  Empty if all pass.  A check
/// that throws has failed.
std::vector<std::string> failures(const LayerCase& c);

/// Makes a layer L(scope, args...) that is run by forward(layer, inputs).
template <class L, class F, class... Args> std::function<Layer(nn::Scope)> layer_by(F forward, Args... args) {
  return [=](nn::Scope scope) {
    auto made = std::make_unique<L>(std::move(scope), args...);
    L* layer = made.get();
    return Layer{std::move(made), [=](const Vars& x) { return forward(*layer, x); }};
  };
}

/// The same for a layer with a member forward(x), forward(x, y) or forward(x, y, z).
template <class L, class... Args> std::function<Layer(nn::Scope)> layer(Args... args) {
  auto forward = [](L& layer, const Vars& x) -> Var {
    if constexpr (requires { layer.forward(x[0]); }) return layer.forward(x.at(0));
    else if constexpr (requires { layer.forward(x[0], x[1]); }) return layer.forward(x.at(0), x.at(1));
    else return layer.forward(x.at(0), x.at(1), x.at(2));
  };
  return layer_by<L>(forward, args...);
}

/// gradient_error() of a module in f64: for a random input of that shape, and for every parameter.
double gradient_error(nn::Module& module, const std::function<Var(const Var&)>& f, const Shape& input);

}  // namespace camo::test
