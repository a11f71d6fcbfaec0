#include "nn/recompute.h"

#include <algorithm>

namespace camo::nn {

Var recomputed(const std::vector<const Module*>& owners, const std::function<Var(const Vars&)>& f, const Vars& inputs) {
  const Module& first = *owners.at(0);
  if (!first.recomputes() || !first.state().training || recomputing()) return f(inputs);
  Vars parameters;
  for (const Module* owner : owners) owner->append_parameters(parameters);
  const auto wanted = [](const Vars& all) {
    return std::any_of(all.begin(), all.end(), [](const Var& x) { return x.wants_grad(); });
  };
  return wanted(inputs) || wanted(parameters) ? checkpoint(f, inputs, parameters) : f(inputs);
}

}  // namespace camo::nn
