#include "moe/moe.h"

namespace camo::moe {
namespace {

MoeStats statistics(const Route& route, const Plan& plan) {
  const int64_t B = route.expert.dim(0), K = route.expert.dim(1), E = route.logits.dim(1);
  if (B == 0) return {.load = plan.load(), .weight = {}, .entropy = {}};
  const Tensor &w = route.weight.value(), &z = route.logits.value();
  Tensor chosen = one_hot(route.expert.reshape({B * K}), E, w.dtype());
  return {.load = plan.load(),
          .weight = scale(matmul(w.reshape({1, B * K}), chosen).reshape({E}), 1.0 / double(B)),
          .entropy = mean(sub(logsumexp(z), sum(mul(softmax(z), z), {-1})))};
}

}  // namespace

Moe::Moe(nn::Scope s, int64_t dim, const std::vector<ExpertKind>& kinds, int64_t chosen, double balance_rate)
    : Module(std::move(s)),
      router(sub("router"), dim, int64_t(kinds.size()), chosen, balance_rate),
      experts(sub("experts")) {
  for (const ExpertKind& kind : kinds) kind.add(experts, dim), names.push_back(kind.name);
}

MoeOut Moe::forward(const Var& x) {
  Route route = router.forward(x);                      // expert (B, K), weight (B, K)
  Plan plan = make_plan(route.expert, experts.size());  // pairs (image, expert) sorted by expert
  if (plan_hook) plan_hook(plan);
  Var packed = gather_rows(x, plan.source);             // (B * K, ..., C), each expert's images together
  Vars parts;
  for (int64_t e = 0; e < experts.size(); ++e)
    if (plan.begin[e] < plan.begin[e + 1])  // nobody chose it: no work, no gradient
      parts.push_back(experts[e].forward(slice_rows(packed, plan.begin[e], plan.begin[e + 1])));
  Var results = parts.empty() ? packed : concat(parts, 0);
  Var f = combine_rows(results, plan.position, route.weight);  // f[b] = sum_k weight[b, k] result[b, k]
  MoeStats stats = statistics(route, plan);
  MoeOut out{.y = x + f, .aux_loss = {}, .stats = std::move(stats), .route = std::move(route)};
  if (watch) watch(x, out);
  return out;
}

std::vector<Moe*> mixtures(nn::Module& network) {
  std::vector<Moe*> found;
  if (auto* here = dynamic_cast<Moe*>(&network)) found.push_back(here);
  for (nn::Module* child : network.children())
    for (Moe* below : mixtures(*child)) found.push_back(below);
  return found;
}

}  // namespace camo::moe
