#include "nn/ema.h"

#include "tensor/ops/optim.h"

namespace camo::nn {

Ema::Ema(Module& model, double decay) : model_(model), decay_(decay) {
  check<ConfigError>(decay >= 0 && decay < 1, "ema: decay lies in [0, 1), got ", decay);
  for (const Parameter& p : model.named_parameters()) parameters_.push_back(p.var.value().clone());
  for (const auto& [name, b] : model.named_buffers()) buffers_.push_back(b->value.clone());
}

void Ema::check_not_swapped(const char* what) const {
  check<GraphError>(!swapped_, "ema: ", what, " while the averages are in the model [swap() first]");
}

void Ema::update() {
  check_not_swapped("update");
  std::vector<std::pair<Tensor, Tensor>> pairs;
  std::vector<Parameter> parameters = model_.named_parameters();
  for (size_t i = 0; i < parameters.size(); ++i) pairs.emplace_back(parameters_[i], parameters[i].var.value());
  auto buffers = model_.named_buffers();
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Tensor& now = buffers[i].second->value;
    if (is_float(now.dtype())) pairs.emplace_back(buffers_[i], now);
    else copy_into(buffers_[i], now);
  }
  ema(pairs, std::min(decay_, double(1 + updates_) / double(10 + updates_)));
  ++updates_;
}

void Ema::swap() {
  std::vector<Parameter> parameters = model_.named_parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    Tensor value = parameters[i].var.value(), before = value.clone();  // value is the storage that modules hold
    copy_into(value, parameters_[i]);
    copy_into(parameters_[i], before);
  }
  auto buffers = model_.named_buffers();
  for (size_t i = 0; i < buffers.size(); ++i) std::swap(buffers[i].second->value, buffers_[i]);
  swapped_ = !swapped_;
}

NamedTensors Ema::state() const {
  check_not_swapped("state");
  NamedTensors out;
  std::vector<Parameter> parameters = model_.named_parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    out.emplace_back(parameters[i].name, to_file(parameters_[i], parameters[i].layout));
  auto buffers = model_.named_buffers();
  for (size_t i = 0; i < buffers.size(); ++i)
    if (buffers[i].second->saved) out.emplace_back(buffers[i].first, buffers_[i]);
  return out;
}

void Ema::load_state(const NamedTensors& state, int64_t updates) {
  check_not_swapped("load_state");
  swap();  // load through the model, to reuse its loader and checks; the swap makes that write the averages
  try {
    load_state_dict(model_, state);
  } catch (...) {
    swap();
    throw;
  }
  swap();
  updates_ = updates;
}

}  // namespace camo::nn
