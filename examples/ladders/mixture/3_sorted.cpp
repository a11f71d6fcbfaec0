// Rung 3: the pairs (row, expert) sorted by expert, so that each expert computes its rows and no others (moe/plan.h).
//
// The rows are copied into that order, and the results added in the order of k: two passes over K R rows, for E / K times less
// multiplication.
#include "examples/ladders/mixture/mixture.h"
#include "moe/plan.h"

namespace camo::ladder {

Tensor mixture_3_sorted(const Mixture& m) {
  const moe::Plan plan = moe::make_plan(m.expert, m.E());
  const Tensor packed = gather_rows(m.x, plan.source);
  std::vector<Tensor> results;
  for (int64_t e = 0; e < m.E(); ++e)
    if (plan.begin[size_t(e)] < plan.begin[size_t(e) + 1])
      results.push_back(m.expert_of(e, packed.slice(plan.begin[size_t(e)], plan.begin[size_t(e) + 1])));
  return combine_rows(concat(results, 0), plan.position, m.weight);
}

}  // namespace camo::ladder
