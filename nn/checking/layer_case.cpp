// The reference of every check is the f64 run of the same layer, which is itself compared with finite differences.
#include "nn/checking/layer_case.h"

#include <algorithm>
#include <set>

#include "nn/state_dict.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"

namespace camo::test {
namespace {

/// Normal numbers that are exact in every floating type, so that all runs have the same input.
Tensor numbers(const Shape& shape, uint64_t seed, DType dtype) {
  return cast(cast(randn(shape, seed, DType::f64), DType::bf16), dtype);
}

/// The layer in training mode, with the same parameter values for every dtype.
Layer build(const LayerCase& c, DType dtype) {
  Layer made = c.make({.dtype = dtype, .seed = 1}), f32 = c.make({.dtype = DType::f32, .seed = 1});
  const std::vector<nn::Parameter> to = made.module->named_parameters(), from = f32.module->named_parameters();
  for (size_t i = 0; i < to.size(); ++i) {
    const std::vector<float> start = to_vector<float>(from[i].var.value());
    const std::vector<float> noise = to_vector<float>(randn(to[i].var.shape(), hash(to[i].name), DType::f32));
    Tensor value = to[i].var.value();
    with_float(value.dtype(), "build", [&]<class T>() {
      T* p = value.write<T>();
      for (size_t k = 0; k < start.size(); ++k) p[k] = T(start[k] + 0.25f * noise[k]);
    });
  }
  return made;
}

Vars make_inputs(const LayerCase& c, DType dtype) {
  Vars x;
  for (const Shape& shape : c.inputs) x.push_back(Var::leaf(numbers(shape, 100 + x.size(), dtype)));
  return x;
}

/// Runs with the same random numbers every time, because dropout counts its calls.
Var forward(const Layer& layer, const Vars& x) {
  call_counts().clear();
  return layer.forward(x);
}

/// Results of a forward and backward run, by name: the output, gradients, buffers.
using Results = std::vector<std::pair<std::string, Tensor>>;

Results run(const LayerCase& c, const Layer& layer, DType activations, bool buffers = false) {
  nn::zero_grad(*layer.module);
  const Vars x = make_inputs(c, activations);
  Var y = forward(layer, x);
  if (y.wants_grad()) backward(y, numbers(y.shape(), 7, y.dtype()));
  Results out{{"output", y.value()}};
  for (size_t i = 0; i < x.size(); ++i) out.emplace_back(text("input ", i), x[i].grad());
  for (const nn::Parameter& p : layer.module->named_parameters())
    if (p.var.wants_grad()) out.emplace_back(p.name, p.var.grad());
  if (buffers)
    for (const auto& [name, b] : layer.module->named_buffers()) out.emplace_back(name, b->latest());
  for (const auto& [name, t] : out) check<GraphError>(t.defined(), name, " received no gradient");
  return out;
}

/// The first result whose bits differ, or "".
std::string first_difference(const Results& a, const Results& b) {
  if (a.size() != b.size()) return "the number of gradients";
  for (size_t i = 0; i < a.size(); ++i)
    if (!equal_bits(a[i].second, b[i].second)) return a[i].first;
  return "";
}

bool cancels(const LayerCase& c, const std::string& name) {
  return std::count(c.without_slope.begin(), c.without_slope.end(), name) > 0;
}

// Each check returns what is wrong, or "".

std::string above(const std::string& what, double error, double tolerance) {
  return error <= tolerance ? "" : text(what, ": error ", error, " of ", tolerance);
}

std::string check_shape(const LayerCase& c) {
  const Var y = forward(build(c, DType::f32), make_inputs(c, DType::f32));
  if (y.shape() == c.output && y.dtype() == DType::f32) return "";
  return text("output is ", y.shape(), " ", y.dtype(), ", not ", c.output, " f32");
}

std::string check_gradient(const LayerCase& c) {
  const Layer layer = build(c, DType::f64);
  run(c, layer, DType::f64);  // throws if a parameter receives no gradient
  const Vars x = make_inputs(c, DType::f64);
  std::vector<std::pair<std::string, Var>> leaves;
  for (size_t i = 0; i < x.size(); ++i) leaves.emplace_back(text("input ", i), x[i]);
  for (const nn::Parameter& p : layer.module->named_parameters()) leaves.emplace_back(p.name, p.var);
  for (const auto& [name, leaf] : leaves) {
    if (cancels(c, name)) {
      const double largest = largest_difference(leaf.grad(), zeros(leaf.shape(), DType::f64));
      if (!(largest < 1e-10))
        return text(name, " has a gradient, ", largest, ", and the case says that it cancels out");
      continue;
    }
    const double error = gradient_error([&] { return forward(layer, x); }, {leaf});
    if (std::string wrong = above(name, error, c.gradient_tolerance); !wrong.empty()) return wrong;
  }
  return "";
}

std::string check_dtype(const LayerCase& c, DType activations, double tolerance) {
  const Results got = run(c, build(c, DType::f32), activations), exact = run(c, build(c, DType::f64), DType::f64);
  if (got[0].second.dtype() != activations) return text("output is ", got[0].second.dtype());
  for (size_t i = 0; i < got.size(); ++i) {
    if (cancels(c, got[i].first)) continue;
    const double error = relative_error(got[i].second, exact[i].second);
    if (std::string wrong = above(got[i].first, error, tolerance); !wrong.empty()) return wrong;
    if (i > c.inputs.size() && got[i].second.dtype() != DType::f32)
      return text("the gradient of ", got[i].first, " is ", got[i].second.dtype());
  }
  return "";
}

std::string check_determinism(const LayerCase& c) {
  struct Threads {  // restores the number of threads, also after an exception
    int before = threads();
    ~Threads() { set_threads(before); }
  } restore;
  Results first;
  for (int count : {1, 1, 2, 3}) {
    set_threads(count);
    Results again = run(c, build(c, DType::f32), DType::f32, /*buffers=*/true);
    if (first.empty()) first = again;
    const std::string differs = first_difference(again, first);
    if (!differs.empty()) return text("other bits in ", differs, " with ", count, " threads");
  }
  return "";
}

std::string check_state_dict(const LayerCase& c) {
  const Layer layer = build(c, DType::f32), other = c.make({.dtype = DType::f32, .seed = 2});
  const Vars x = make_inputs(c, DType::f32);
  forward(layer, x);
  nn::commit(*layer.module);  // so that running statistics differ from those of a fresh layer
  nn::NamedTensors saved;
  std::set<std::string> names;
  for (const auto& [name, t] : nn::state_dict(*layer.module)) {
    if (!names.insert(name).second) return text("two tensors are called ", name);
    saved.emplace_back(name, t.clone());
  }
  nn::load_state_dict(*other.module, saved);
  layer.module->train(false), other.module->train(false);
  return equal_bits(forward(layer, x).value(), forward(other, x).value()) ? "" : "a loaded layer gives other bits";
}

std::string check_freeze(const LayerCase& c) {
  const Layer layer = build(c, DType::f32);
  if (layer.module->named_parameters().empty()) return "";
  layer.module->train(false);  // a frozen module computes as in evaluation
  const Results before = run(c, layer, DType::f32);
  layer.module->freeze();
  const Results frozen = run(c, layer, DType::f32);
  if (frozen.size() != 1 + c.inputs.size()) return "a frozen parameter receives a gradient";
  for (size_t i = 0; i < frozen.size(); ++i)
    if (!equal_bits(frozen[i].second, before[i].second)) return text("frozen: other bits in ", frozen[i].first);
  layer.module->freeze(false);
  const std::string differs = first_difference(run(c, layer, DType::f32), before);
  return differs.empty() ? "" : text("after freeze(false): other bits in ", differs);
}

struct Row {
  LayerCheck check;
  const char* name;
  std::string (*run)(const LayerCase& c);
};
const Row kRows[] = {
    {LayerCheck::shape, "shape", check_shape},
    {LayerCheck::gradient, "gradient", check_gradient},
    {LayerCheck::f32, "f32", [](const LayerCase& c) { return check_dtype(c, DType::f32, c.f32_tolerance); }},
    {LayerCheck::bf16, "bf16", [](const LayerCase& c) { return check_dtype(c, DType::bf16, c.bf16_tolerance); }},
    {LayerCheck::determinism, "determinism", check_determinism},
    {LayerCheck::state_dict, "state_dict", check_state_dict},
    {LayerCheck::freeze, "freeze", check_freeze},
};

}  // namespace

const char* name(LayerCheck check) { return kRows[int(check)].name; }

std::vector<std::string> failures(const LayerCase& c) {
  std::vector<std::string> out;
  for (const Row& row : kRows) {
    if (c.except.count(row.check)) continue;
    std::string wrong;
    try {
      wrong = row.run(c);
    } catch (const std::exception& e) {
      wrong = e.what();
    }
    if (!wrong.empty()) out.push_back(text(c.name, ": ", row.name, ": ", wrong));
  }
  return out;
}

double gradient_error(nn::Module& module, const std::function<Var(const Var&)>& f, const Shape& input) {
  Var x = Var::leaf(randn(input, 7, DType::f64));
  Vars leaves{x};
  for (const nn::Parameter& p : module.named_parameters()) leaves.push_back(p.var);
  return gradient_error([&] { return f(x); }, leaves);
}

}  // namespace camo::test
