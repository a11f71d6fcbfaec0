// The balance check: the bias affects only the selection, and moves toward an even load once per optimizer step.
#include <algorithm>
#include <cmath>

#include "moe/verify/checks.h"

namespace camo::moe::checks {
namespace {

/// Raises the bias so that experts i and j are chosen for every row, then so that their order swaps.  No
/// weight may change.
std::string weights_moved_by_bias(Moe& layer, const Var& rows, int64_t i, int64_t j, double* worst) {
  const int64_t E = layer.router.experts;
  auto favoured = [&](int64_t first, int64_t second) {
    std::vector<double> bias(size_t(E), 0.0);
    bias[size_t(second)] = 1e4, bias[size_t(first)] = 1e4 + 3;
    layer.router.balance.value = cast(from<double>(bias, {E}), layer.state().dtype).to(rows.device());
    return layer.choose(rows);
  };
  const Route a = favoured(i, j), b = favoured(j, i);
  const std::vector<double> before = weights_by_expert(a, E), after = weights_by_expert(b, E);
  const std::vector<int64_t> expert = to_vector<int64_t>(a.expert);
  const int64_t K = layer.router.chosen;
  if (K > 1) *worst = std::max(*worst, largest_difference(before, after.data()));
  for (int64_t r = 0; r < rows.dim(0); ++r) {
    int64_t found = 0;
    for (int64_t k = 0; k < K; ++k) found += expert[r * K + k] == i || (K > 1 && expert[r * K + k] == j);
    if (found < std::min<int64_t>(K, 2)) return text("row ", r, " does not go where the bias points");
  }
  return *worst > kRounding ? "the bias changes what a chosen expert counts" : "";
}

/// The balance after one step of `parts` micro-batches with B images in all, starting from zero.
Tensor moved(Moe& layer, const Var& rows, int64_t B, int64_t parts, std::vector<int64_t>* load) {
  nn::discard(layer);
  layer.router.balance.value = zeros_like(layer.router.balance.value);
  if (nn::Buffer* usage = layer.router.usage) usage->value = zeros_like(usage->value);
  const int64_t n = rows.dim(0) / B;
  for (int64_t i = 0; i < parts; ++i) {
    Tensor expert = layer.choose(rows_slice(rows, i * B / parts * n, (i + 1) * B / parts * n)).expert;
    for (int64_t e : to_vector<int64_t>(expert)) ++load->at(size_t(e));
  }
  return layer.router.balance.staged;
}

std::string wrong_move(Moe& layer, const Var& rows, int64_t B) {
  const int64_t E = layer.router.experts;
  const MoeConfig& config = layer.router.config;
  std::vector<int64_t> load(static_cast<size_t>(E));
  layer.train(false);
  if (moved(layer, rows, B, 1, &load).defined()) return "the balance moves in evaluation";
  layer.train(true);
  const bool moves =
      config.rate > 0 && (config.balancing == Balancing::sign || config.balancing == Balancing::proportional);
  for (int64_t parts : {1, 2}) {
    load.assign(size_t(E), 0);
    const Tensor balance = moved(layer, rows, B, parts, &load);
    if (!moves && balance.defined() && sum_of_squares(balance) > 0)
      return "the balance moves though the layer balances otherwise";
    if (!moves) continue;
    if (!balance.defined()) return "the balance does not move in training";
    const std::vector<double> move = to_vector<double>(balance);
    const double all = double(rows.dim(0) * layer.router.chosen);
    for (int64_t e = 0; e < E; ++e) {
      const double lack = all - double(E * load[size_t(e)]);  // E (mean load - load)
      const double step = config.balancing == Balancing::sign ? double((lack > 0) - (lack < 0)) : lack / all;
      const double most = config.limit > 0 ? config.limit : INFINITY;
      if (std::abs(move[size_t(e)] - std::clamp(config.rate * step, -most, most)) > kRounding * config.rate)
        return text("expert ", layer.experts->names[size_t(e)], " has ", load[size_t(e)], " of ", all,
                    " rows, and its bias moves by ", move[size_t(e)], " in a step of ", parts, " micro-batches");
    }
  }
  return "";
}

}  // namespace

Check balance_check(Moe& layer, const Var& rows, int64_t B) {
  NoGrad no_grad;
  const int64_t E = layer.router.experts;
  const Tensor before = layer.router.balance.value;
  nn::Buffer* const usage = layer.router.usage;
  const Tensor usage_before = usage ? usage->value : Tensor();
  auto restore = [&] {
    layer.router.balance.value = before;
    if (usage) usage->value = usage_before;
  };
  double worst = 0;
  std::string wrong;
  try {
    for (int64_t i = 0; i < E && E > 1 && wrong.empty(); ++i)
      wrong = weights_moved_by_bias(layer, rows, i, (i + 1) % E, &worst);
    if (wrong.empty()) wrong = wrong_move(layer, rows, B);
  } catch (...) {
    restore();
    throw;
  }
  restore();
  layer.train(false);
  Check c = within("balance", layer.path(), worst, kRounding,
                   "the bias decides who is chosen, not the weights; it moves to even load, once a step");
  if (!wrong.empty()) c.verdict = Verdict::failed, c.sentence = wrong;
  return c;
}

}  // namespace camo::moe::checks
