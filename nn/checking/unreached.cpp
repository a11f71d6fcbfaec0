#include "nn/checking/unreached.h"

namespace camo::nn {

void GradientWindow::observe(const Module& module) {
  ++steps_;
  for (const Parameter& p : module.named_parameters())
    if (!p.frozen && p.var.grad().defined()) ++counts_[p.name];
}

void GradientWindow::observe(const std::vector<std::string>& reached) {
  ++steps_;
  for (const std::string& name : reached) ++counts_[name];
}

int64_t GradientWindow::count(const std::string& name) const {
  auto found = counts_.find(name);
  return found == counts_.end() ? 0 : found->second;
}

std::vector<std::string> unreached(const Module& module, const GradientWindow& window) {
  check<GraphError>(window.steps() > 0, "unreached: the window holds no step [observe() once a step]");
  std::vector<std::string> dead;
  for (const Parameter& p : module.named_parameters())
    if (!p.frozen && window.count(p.name) == 0) dead.push_back(p.name);
  return dead;
}

}  // namespace camo::nn
