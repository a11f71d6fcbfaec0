#include "nn/optim.h"

#include <cmath>

#include "tensor/ops/elementwise.h"
#include "tensor/ops/optim.h"
#include "tensor/ops/reduce.h"

namespace camo::nn {

Optimizer::Optimizer(Module& model, OptimizerSettings settings, bool has_second)
    : model_(model), has_second_(has_second) {
  configure(std::move(settings));
}

void Optimizer::configure(OptimizerSettings settings) {
  check<ConfigError>(settings.decay >= 0 && settings.clip >= 0, "optimizer: decay and clip are not negative, got ",
                     settings.decay, " and ", settings.clip);
  for (const ParameterGroup& g : settings.groups)
    check<ConfigError>(!g.path.empty() && g.rate_scale >= 0 && g.decay_scale >= 0 && g.clip >= 0,
                       "optimizer: a group has a path, and factors and a clip that are not negative, got '", g.path,
                       "', ", g.rate_scale, ", ", g.decay_scale, ", ", g.clip);
  settings_ = std::move(settings);
  group_.clear();
}

const ParameterGroup* Optimizer::group_of(const std::string& name) {
  const auto [at, is_new] = group_.emplace(name, nullptr);
  if (!is_new) return at->second;
  for (const ParameterGroup& g : settings_.groups)
    if (("." + name + ".").find("." + g.path + ".") != std::string::npos) return at->second = &g;
  return nullptr;
}

Optimizer::Update Optimizer::make_update(const Parameter& p, double rate, double gradient_scale) {
  Slot& slot = slots_[p.name];
  if (!slot.first.defined()) {
    slot.first = zeros_like(p.var.value());
    if (has_second_) slot.second = zeros_like(p.var.value());
  }
  ++slot.steps;
  const Tensor gradient = gradient_scale == 1 ? p.var.grad() : p.var.grad() * gradient_scale;
  Update u{p.var.value(), gradient, &slot, rate, p.decay ? settings_.decay : 0};
  if (const ParameterGroup* g = group_of(p.name)) u.rate *= g->rate_scale, u.decay *= g->decay_scale;
  return u;
}

std::vector<Optimizer::Reached> Optimizer::reached_parameters() {
  std::vector<Parameter> all = model_.named_parameters();
  std::vector<char> reached;
  std::vector<Tensor> gradients;
  for (const Parameter& p : all) {
    reached.push_back(!p.frozen && p.var.grad().defined());
    if (reached.back()) gradients.push_back(p.var.grad());
  }
  std::vector<double> squares(all.size());
  const std::vector<double> known = sums_of_squares(gradients);
  for (size_t i = 0, k = 0; i < all.size(); ++i)
    if (reached[i]) squares[i] = known[k++];
  if (shared_) shared_->combine(reached, squares);
  std::vector<Reached> out;
  for (size_t i = 0; i < all.size(); ++i)
    if (reached[i]) out.push_back({i, std::move(all[i]), squares[i]});
  return out;
}

StepResult Optimizer::step(double rate) {
  // Summed in the order of the parameters, each over fixed chunks in double, so the bits do not depend on
  // the number of threads or processes.
  StepResult result;
  const std::vector<Reached> reached = reached_parameters();
  double squares = 0;
  std::map<const ParameterGroup*, double> of_group;
  for (size_t i = 0; i < reached.size(); ++i) {
    if (!std::isfinite(reached[i].squares) && result.accepted)
      result = {.accepted = false, .non_finite = reached[i].parameter.name};
    squares += reached[i].squares, of_group[group_of(reached[i].parameter.name)] += reached[i].squares;
  }
  result.grad_norm = std::sqrt(squares);
  for (const Reached& r : reached) result.reached.push_back(r.parameter.name);
  if (result.accepted && !reached.empty()) {
    auto excess = [](double limit, double norm) { return limit > 0 && norm > limit ? limit / norm : 1; };
    std::vector<Update> updates;
    double clipped = 0;
    for (size_t i = 0; i < reached.size(); ++i) {
      const ParameterGroup* g = group_of(reached[i].parameter.name);
      const double factor = g ? excess(g->clip, std::sqrt(of_group[g])) : 1;
      clipped += reached[i].squares * factor * factor;
      if (!shared_ || shared_->owns(reached[i].number))
        updates.push_back(make_update(reached[i].parameter, rate, factor));
    }
    update(updates, excess(settings_.clip, std::sqrt(clipped)));
    if (shared_) {
      std::vector<size_t> numbers;
      for (const Reached& r : reached) numbers.push_back(r.number);
      shared_->send_values(numbers);
    }
  }
  zero_grad(model_);
  return result;
}

NamedTensors Optimizer::state() const {
  NamedTensors out;
  for (const Parameter& p : model_.named_parameters()) {
    auto found = slots_.find(p.name);
    if (found == slots_.end()) continue;
    const Slot& slot = found->second;
    out.emplace_back("first." + p.name, slot.first);
    if (has_second_) out.emplace_back("second." + p.name, slot.second);
    out.emplace_back("steps." + p.name, full({}, double(slot.steps), DType::i64));
  }
  if (!shared_) return out;
  std::vector<std::string> names;
  for (const Parameter& p : model_.named_parameters())
    for (const char* kind : {"first.", "second.", "steps."}) names.push_back(kind + p.name);
  return shared_->collect(std::move(out), names);
}

void Optimizer::load_state(const NamedTensors& state) {
  std::map<std::string, Tensor> values;
  for (const Parameter& p : model_.named_parameters()) values[p.name] = p.var.value();
  std::map<std::string, Slot> slots;
  for (const auto& [key, t] : state) {
    size_t dot = key.find('.');
    std::string kind = key.substr(0, dot), name = dot == std::string::npos ? "" : key.substr(dot + 1);
    auto found = values.find(name);
    bool known = found != values.end() && (kind == "first" || kind == "steps" || (kind == "second" && has_second_));
    check<WeightsError>(known, "optimizer state: ", key, " has no place in this optimizer and model");
    if (kind == "steps") {
      check<WeightsError>(t.dtype() == DType::i64 && t.numel() == 1, "optimizer state: ", key, " is one i64, got ",
                          t.shape(), " ", t.dtype());
      slots[name].steps = int64_t(item(t));
      continue;
    }
    const Tensor& p = found->second;
    check<WeightsError>(t.shape() == p.shape() && t.dtype() == p.dtype(), "optimizer state: ", key, " is ", t.shape(),
                        " ", t.dtype(), ", its parameter ", p.shape(), " ", p.dtype());
    (kind == "first" ? slots[name].first : slots[name].second) = t.clone().to(p.device());
  }
  for (const auto& [name, slot] : slots)
    check<WeightsError>(slot.steps > 0 && slot.first.defined() && slot.second.defined() == has_second_,
                        "optimizer state: that of ", name, " is not whole");
  if (shared_) {  // the others' moments are theirs
    const std::vector<Parameter> all = model_.named_parameters();
    for (size_t i = 0; i < all.size(); ++i)
      if (!shared_->owns(i)) slots.erase(all[i].name);
  }
  slots_ = std::move(slots);
}

AdamW::AdamW(Module& model, AdamWOptions options)
    : Optimizer(model, {options.decay, options.clip, options.groups}, true), options_(std::move(options)) {}

void AdamW::update(const std::vector<Update>& updates, double gradient_scale) {
  std::vector<AdamWItem> items;
  for (const Update& u : updates)
    items.push_back({u.parameter, u.gradient, u.slot->first, u.slot->second, u.slot->steps, u.rate, u.decay});
  adamw(items,
        {.beta1 = options_.beta1, .beta2 = options_.beta2, .eps = options_.eps, .gradient_scale = gradient_scale});
}

Sgd::Sgd(Module& model, SgdOptions options)
    : Optimizer(model, {options.decay, options.clip, options.groups}, false), options_(std::move(options)) {}

void Sgd::update(const std::vector<Update>& updates, double gradient_scale) {
  std::vector<SgdItem> items;
  for (const Update& u : updates) items.push_back({u.parameter, u.gradient, u.slot->first, u.rate, u.decay});
  sgd(items, options_.momentum, gradient_scale);
}

}  // namespace camo::nn
