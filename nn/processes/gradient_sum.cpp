#include "nn/processes/gradient_sum.h"

#include "tensor/ops/elementwise.h"

namespace camo::nn {

void add_gradient(Tensor& sum, Tensor gradient) {
  if (sum.defined()) add_into(sum, gradient);
  else sum = gradient.unique() ? std::move(gradient) : gradient.clone();
}

void GradientSum::add(const Module& module) {
  std::vector<Parameter> parameters = module.named_parameters();
  sums_.resize(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    Var& p = parameters[i].var;
    if (parameters[i].frozen || !p.grad().defined()) continue;
    Tensor gradient = p.grad();
    p.clear_grad();
    add_gradient(sums_[i], std::move(gradient));
  }
}

void GradientSum::give(const Module& module) {
  std::vector<Parameter> parameters = module.named_parameters();
  for (size_t i = 0; i < sums_.size(); ++i)
    if (sums_[i].defined()) parameters[i].var.set_grad(std::move(sums_[i]));
  sums_.clear();
}

}  // namespace camo::nn
