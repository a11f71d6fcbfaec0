#include "nn/checking/in_double.h"

#include "tensor/ops/layout.h"

namespace camo::nn {

InDouble::InDouble(Module& module) : module_(module), dtype_(module.state().dtype) {
  enter(module);
  module.state().dtype = DType::f64;
}

void InDouble::enter(Module& module) {
  for (auto& p : module.parameters_) {
    parameters_.emplace_back(p.get(), p->var);
    p->var = Var::leaf(cast(p->var.value(), DType::f64), p->op);
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
