#include "nn/check.h"

#include "tensor/ops/layout.h"

namespace camo::nn {

void GradientWindow::observe(const Module& module) {
  ++steps_;
  for (const Parameter& p : module.named_parameters())
    if (!p.frozen && p.var.grad().defined()) ++counts_[p.name];
}

int64_t GradientWindow::count(const std::string& name) const {
  auto found = counts_.find(name);
  return found == counts_.end() ? 0 : found->second;
}

std::vector<std::string> check(const Module& module, const GradientWindow& window) {
  camo::check<GraphError>(window.steps() > 0, "nn::check: the window holds no step [observe() before step()]");
  std::vector<std::string> dead;
  for (const Parameter& p : module.named_parameters())
    if (!p.frozen && window.count(p.name) == 0) dead.push_back(p.name);
  return dead;
}

InDouble::InDouble(Module& module) : module_(module), dtype_(module.state().dtype) {
  enter(module);
  module.state().dtype = DType::f64;
}

void InDouble::enter(Module& module) {
  for (auto& p : module.parameters_) {
    parameters_.emplace_back(p.get(), p->var);
    p->var = Var::leaf(cast(p->var.value(), DType::f64));
  }
  for (auto& b : module.buffers_) {
    buffers_.emplace_back(b.get(), *b);
    if (is_float(b->value.dtype())) b->value = cast(b->value, DType::f64);
    b->staged = {};
  }
  for (Module* child : module.children_) enter(*child);
}

InDouble::~InDouble() {
  for (auto& [parameter, before] : parameters_) parameter->var = before;
  for (auto& [buffer, before] : buffers_) *buffer = before;
  module_.state().dtype = dtype_;
}

}  // namespace camo::nn
