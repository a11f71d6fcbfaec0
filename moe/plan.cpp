#include "moe/plan.h"

#include <numeric>

#include "tensor/ops/index.h"
#include "tensor/ops/layout.h"

namespace camo::moe {

Plan make_plan(const Tensor& expert, int64_t experts) {
  auto [B, K] = dims<2>(expert, "make_plan: expert (B, K)");
  Tensor pairs = expert.reshape({B * K});
  Tensor order = sort_by_key(pairs);
  // The image of each pair.
  Tensor image = expand(arange(B).to(expert.device()).reshape({B, 1}), {B, K}).reshape({B * K});
  Plan plan{.source = gather_rows(image, order),
            .position = sort_by_key(order).reshape({B, K}),  // sorting a permutation gives its inverse
            .begin = {0}};
  for (int64_t n : to_vector<int64_t>(histogram(pairs, experts))) plan.begin.push_back(plan.begin.back() + n);
  return plan;
}

std::vector<int64_t> Plan::load() const {
  std::vector<int64_t> rows(begin.size());
  std::adjacent_difference(begin.begin(), begin.end(), rows.begin());
  return {rows.begin() + 1, rows.end()};
}

}  // namespace camo::moe
