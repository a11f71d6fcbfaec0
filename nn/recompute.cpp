#include "nn/recompute.h"

#include <algorithm>

namespace camo::nn {

Var recomputed(const Module& owner, const std::function<Var(const Vars&)>& f, const Vars& inputs) {
  if (!owner.recomputes() || !owner.state().training || recomputing()) return f(inputs);
  const bool wanted = std::any_of(inputs.begin(), inputs.end(), [](const Var& x) { return x.wants_grad(); });
  return wanted || owner.learns() ? checkpoint(f, inputs) : f(inputs);
}

}  // namespace camo::nn
