// Updates have no gradient and no Var function.  A case runs one on copies of its inputs and returns what it wrote.
// tests/tensor/update_test.cpp compares the formulas with plain loops.
#include "tensor/ops/optim.h"

#include <cmath>

#include "tests/op_case.h"

using namespace camo;
using namespace camo::test;

namespace {

const std::map<Check, std::string> no_gradient = {{Check::gradient, "writes parameters; nothing flows back"},
                                                  {Check::single_input, "writes parameters; nothing flows back"},
                                                  {Check::bf16, "parameters and state are f32 or f64"}};

std::vector<Tensor> copies(const Vars& x) {
  std::vector<Tensor> out;
  for (const Var& v : x) out.push_back(v.value().clone());
  return out;
}
/// All numbers of all tensors as one tensor.
Var joined(const std::vector<Tensor>& parts) {
  std::vector<Tensor> flat;
  for (const Tensor& t : parts) flat.push_back(t.reshape({-1}));
  return Var(concat(flat, 0));
}
std::vector<Shape> four(const Shape& s) { return {s, s, s, s}; }
std::vector<Shape> three(const Shape& s) { return {s, s, s}; }

Var run_adamw(const Vars& x) {  // parameter, gradient, first, second
  auto t = copies(x);
  adamw({{t[0], t[1], t[2], t[3], 3, 0.1, 0.05}}, {.gradient_scale = 0.5});
  return joined({t[0], t[2], t[3]});
}
Var run_sgd(const Vars& x) {
  auto t = copies(x);
  sgd({{t[0], t[1], t[2], 0.1, 0.05}}, 0.9, 0.5);
  return joined({t[0], t[2]});
}
Var run_ema(const Vars& x) {  // two pairs at once
  auto t = copies(x);
  ema({{t[0], x[1].value()}, {t[2], x[3].value()}}, 0.9);
  return joined({t[0], t[2]});
}
/// Only the update, repeatedly in place.
template <class F> std::function<Var(const Vars&)> in_place(F update) {
  return [update](const Vars&) {
    update();
    return Var();
  };
}
Tensor z(const Shape& s, DType t = DType::f32) { return zeros(s, t); }

}  // namespace

static const bool optim_cases[] = {
    add_case({.name = "adamw",
              .inputs = four({3, 37}),
              .run = run_adamw,
              .value = [](int i, int64_t, double z) { return i == 3 ? 0.01 + z * z : z; },
              .sizes = {four({0}), four({1}), four({33}), four({257}), four({40003})},
              .errors = {{[] {
                            adamw({{z({3}), z({3}), z({4}), z({3}), 1, 0.1, 0}}, {});
                          },
                          {"adamw", "(3)", "(4)"}},
                         {[] {
                            adamw({{z({3}), z({3}, DType::f64), z({3}), z({3}), 1, 0.1, 0}}, {});
                          },
                          {"adamw", "f32", "f64"}},
                         {[] {
                            adamw({{z({3}, DType::bf16), z({3}), z({3}), z({3}), 1, 0.1, 0}}, {});
                          },
                          {"adamw", "bf16"}},
                         {[] {
                            adamw({{z({3}), z({3}), z({3}), z({3}), 0, 0.1, 0}}, {});
                          },
                          {"adamw", "steps"}}},
              .bench_inputs = four({4000000}),
              .bytes = 7 * 4 * 4e6,
              .timed =
                  [](const Vars& x) {
                    return in_place([t = copies(x)] {
                      adamw({{t[0], t[1], t[2], t[3], 3, 0.1, 0.05}}, {.gradient_scale = 0.5});
                    });
                  },
              .except = no_gradient}),
    add_case({.name = "sgd",
              .inputs = three({3, 37}),
              .run = run_sgd,
              .sizes = {three({0}), three({1}), three({33}), three({257}), three({40003})},
              .errors = {{[] {
                            sgd({{z({3}), z({2}), z({3}), 0.1, 0}}, 0.9);
                          },
                          {"sgd", "(3)", "(2)"}}},
              .bench_inputs = three({4000000}),
              .bytes = 5 * 4 * 4e6,
              .timed =
                  [](const Vars& x) {
                    return in_place([t = copies(x)] { sgd({{t[0], t[1], t[2], 0.1, 0.05}}, 0.9, 0.5); });
                  },
              .except = no_gradient}),
    add_case(
        {.name = "ema",
         .inputs = {{3, 37}, {3, 37}, {5}, {5}},
         .run = run_ema,
         .sizes = {four({0}), four({33}), {{40003}, {40003}, {1}, {1}}},
         .errors = {{[] {
                       ema({{z({3}), z({2})}}, 0.9);
                     },
                     {"ema", "(3)", "(2)"}},
                    {[] {
                       ema({{z({3}), z({3}, DType::f64)}}, 0.9);
                     },
                     {"ema", "f32", "f64"}}},
         .bench_inputs = four({2000000}),
         .bytes = 6 * 4 * 2e6,
         .timed = [](const Vars& x) { return in_place([t = copies(x)] {
                                        ema({{t[0], t[1]}, {t[2], t[3]}}, 0.9);
                                      }); },
         .except = no_gradient}),
};
