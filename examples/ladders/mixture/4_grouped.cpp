// Rung 4: the matrices of all experts are one tensor, and one call does all groups of rows: group e times matrix e (tensor/ops/matmul.h).
//
// Two calls instead of 2 E, and no concatenation.  Within the call the groups come one after another.
#include "examples/ladders/mixture/mixture.h"
#include "moe/plan.h"

namespace camo::ladder {

Tensor mixture_4_grouped(const Mixture& m) {
  const moe::Plan plan = moe::make_plan(m.expert, m.E());
  const Tensor hidden = gelu(grouped_linear(gather_rows(m.x, plan.source), m.W1, {}, plan.begin));
  return combine_rows(grouped_linear(hidden, m.W2, {}, plan.begin), plan.position, m.weight);
}

}  // namespace camo::ladder
