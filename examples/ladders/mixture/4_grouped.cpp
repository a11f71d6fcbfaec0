// Rung 4: one grouped product for all experts: row group e times matrix e (tensor/ops/matmul.h).
//
// Two calls instead of 2 E, and no concatenation.  However uneven the groups are, the product cuts all rows into pieces of one size.
#include "examples/ladders/mixture/mixture.h"
#include "moe/plan.h"

namespace camo::ladder {

Tensor mixture_4_grouped(const Mixture& m) {
  const moe::Plan plan = moe::make_plan(m.expert, m.E());
  const Tensor hidden = gelu(grouped_linear(gather_rows(m.x, plan.source), m.W1, {}, plan.begin));
  return combine_rows(grouped_linear(hidden, m.W2, {}, plan.begin), plan.position, m.weight);
}

}  // namespace camo::ladder
