#include "nn/module.h"

#include <algorithm>
#include <utility>

namespace camo::nn {

void ModelState::next_micro_step() {
  ++micro_step;
  call_counts().clear();
}

Module::Module(Scope scope)
    : path_(std::move(scope.path)), name_(std::move(scope.name)), state_(std::move(scope.state)) {
  if (!state_)
    state_ = std::make_shared<ModelState>(
        ModelState{.device = scope.device, .dtype = scope.dtype, .seed = scope.seed, .initialise = scope.initialise});
  if (scope.parent) scope.parent->children_.push_back(this);
}

Scope Module::sub(const std::string& name) {
  return {.device = state_->device,
          .dtype = state_->dtype,
          .seed = state_->seed,
          .path = path_.empty() ? name : path_ + "." + name,
          .name = name,
          .parent = this,
          .state = state_};
}

Var& Module::parameter(const char* name, const Shape& shape, const Start& start, const ParameterOptions& options) {
  const uint64_t path = hash(path_.empty() ? name : path_ + "." + name);
  const RandomKey key{.seed = state_->seed, .domain = Domain::init, .path = path};
  Tensor value = state_->initialise ? start(shape, key, state_->dtype).to(state_->device)
                                    : empty(shape, state_->dtype, state_->device);
  parameters_.push_back(std::make_unique<Parameter>(Parameter{.name = name,
                                                              .op = name,
                                                              .var = Var::leaf(std::move(value), name),
                                                              .layout = options.layout,
                                                              .decay = options.decay}));
  return parameters_.back()->var;
}

Buffer& Module::buffer(const char* name, Tensor init, const BufferOptions& options) {
  Tensor value = is_float(init.dtype()) ? init.to(state_->device) : init;  // integers are counters for the host
  buffers_.push_back(std::make_unique<Buffer>(
      Buffer{.name = name, .value = std::move(value), .saved = options.saved, .needed = options.needed}));
  return *buffers_.back();
}

RandomKey Module::random_key(Domain domain) const {
  uint64_t path = hash(path_);
  return {.seed = state_->seed,
          .domain = domain,
          .path = path,
          .step = uint32_t(state_->micro_step),
          .call = call_counts()[path]++};
}

void Module::collect(const std::string& prefix, std::vector<Parameter>* parameters,
                     std::vector<std::pair<std::string, Buffer*>>* buffers) const {
  if (parameters)
    for (const auto& p : parameters_) {
      parameters->push_back(*p);
      parameters->back().name = prefix + p->name;
    }
  if (buffers)
    for (const auto& b : buffers_) buffers->emplace_back(prefix + b->name, b.get());
  for (const Module* child : children_) child->collect(prefix + child->name_ + ".", parameters, buffers);
}

std::vector<Parameter> Module::named_parameters() const {
  std::vector<Parameter> out;
  collect("", &out, nullptr);
  return out;
}

std::vector<std::pair<std::string, Buffer*>> Module::named_buffers() const {
  std::vector<std::pair<std::string, Buffer*>> out;
  collect("", nullptr, &out);
  return out;
}

void Module::append_parameters(Vars& out) const {
  for (const auto& p : parameters_) out.push_back(p->var);
  for (const Module* child : children_) child->append_parameters(out);
}

int64_t Module::parameter_count() const {
  int64_t total = 0;
  for (const Parameter& p : named_parameters()) total += p.var.value().numel();
  return total;
}

void Module::freeze(bool on) {
  freeze_where([on](const std::string&) { return on; });
}

void Module::freeze_where(const std::function<bool(const std::string&)>& frozen) {
  freeze("", frozen);
  update_rest(/*parent_rests=*/false);
}

void Module::freeze(const std::string& prefix, const std::function<bool(const std::string&)>& frozen) {
  for (auto& p : parameters_) {
    const bool on = frozen(prefix + p->name);
    if (on == p->frozen) continue;
    p->frozen = on;
    p->var = on ? p->var.detach() : Var::leaf(p->var.value(), p->op);
  }
  for (Module* child : children_) child->freeze(prefix + child->name_ + ".", frozen);
}

void Module::update_rest(bool parent_rests) {
  rests_ = parent_rests || (!named_parameters().empty() && !learns());
  for (Module* child : children_) child->update_rest(rests_);
}

bool Module::learns() const {
  for (const auto& p : parameters_)
    if (!p->frozen) return true;
  return std::any_of(children_.begin(), children_.end(), [](const Module* child) { return child->learns(); });
}

void Module::recompute(bool on) {
  recompute_ = on;
  for (Module* child : children_) child->recompute(on);
}

void Module::fold(const std::vector<Tensor>&) { throw GraphError("fold: " + path_ + " measures nothing"); }

void Module::measure(std::vector<Tensor> measured) {
  fold(measured);
  if (state_->keep_measures) measures_.push_back(std::move(measured));
}

void commit(Module& module) {
  for (auto& [name, b] : module.named_buffers())
    if (b->staged.defined()) b->value = std::exchange(b->staged, {});
}
void discard(Module& module) {
  for (auto& [name, b] : module.named_buffers()) b->staged = {};
}
void zero_grad(Module& module) {
  for (Parameter& p : module.named_parameters()) p.var.clear_grad();
}

}  // namespace camo::nn
