#include "moe/router.h"

#include <algorithm>
#include <cmath>

#include "nn/recompute.h"

namespace camo::moe {
namespace {

const MoeConfig& checked(const MoeConfig& c, int64_t experts) {
  check<ConfigError>(1 <= c.chosen && c.chosen <= experts,
                     "router: chosen lies between 1 and the number of experts, got ", c.chosen, " of ", experts);
  check<ConfigError>(c.temperature > 0, "router: temperature is positive, got ", c.temperature);
  check<ConfigError>(c.leak >= 0 && c.leak <= 1, "router: leak is a share, 0 to 1, got ", c.leak);
  check<ConfigError>(c.average >= 0 && c.average < 1, "router: average lies in [0, 1), got ", c.average);
  for (double v : {c.clamp, c.noise, c.z_loss, c.rate, c.limit, c.auxiliary, double(c.warmup), double(c.delay), c.floor,
                   c.entropy})
    check<ConfigError>(v >= 0,
                       "router: clamp, noise, z_loss, rate, limit, auxiliary, warmup, delay, floor and entropy "
                       "are not negative, got ",
                       v);
  return c;
}

Tensor counted(const Tensor& expert, int64_t experts) { return cast(histogram(expert, experts), DType::f64); }

bool warms_up(const MoeConfig& c) { return c.balancing == Balancing::auxiliary && c.warmup + c.delay > 0; }

}  // namespace

// Small initial weights (trunc_normal) give nearly equal logits, so no expert is shut out before it has learned.
Router::Router(nn::Scope s, int64_t dim, int64_t experts, const MoeConfig& c)
    : Module(std::move(s)),
      config(checked(c, experts)),
      experts(experts),
      chosen(c.chosen),
      views(c.gate == GateKind::content_aware ? std::make_unique<GateViews>(sub("views"), dim) : nullptr),
      gate(sub("gate"), views ? dim / 2 : dim, experts, {.init = nn::Init::trunc_normal}),
      balance(buffer("balance", zeros({experts}, state().dtype, state().device))),
      load(buffer("load", zeros({experts}, DType::f64, state().device),
                  {.saved = c.balancing == Balancing::auxiliary, .needed = false})),  // a run that goes on needs it
      steps(warms_up(c) ? &buffer("steps", zeros({}, DType::i64)) : nullptr),
      usage(c.average > 0 ? &buffer("usage", zeros({experts}, DType::f64, state().device)) : nullptr) {}

Route Router::forward(const Var& x) {
  check(x.rank() >= 2, "router: x (B, ..., C) expects at least 2 axes, got ", x.shape());
  Var seen = views ? run_block(*views, x) : pooled(x);
  Var raw = gate.forward(cast(seen, acc_dtype(x.dtype())));
  Var logits = config.clamp > 0 ? clamp(raw, -config.clamp, config.clamp) : raw;
  if (config.temperature != 1) logits = logits / config.temperature;
  Tensor expert = select(logits.value());
  if (training() && !recomputing()) measure({counted(expert, experts)});
  Route route{.expert = expert, .weight = {}, .logits = logits, .aux_loss = {}};
  // Weights::all gives the same numbers in theory, but could divide 0 by 0 where probabilities underflow.
  route.weight = softmax(take_along(logits, expert));
  route.aux_loss = auxiliary_loss(raw, route);
  return route;
}

Tensor Router::select(const Tensor& logits) {
  Tensor z = logits;
  if (training() && config.noise > 0)
    z = z + randn(z.shape(), random_key(Domain::routing), 0, config.noise, z.dtype()).to(z.device());
  return top_k((config.weights == Weights::all ? softmax(z) : z) + balance.value, chosen).index;
}

// Counts add up over the micro-batches of a step (nothing is staged at the first one).  Each time the new balance is
// computed from the committed one, so commit() applies one exact move for any number of micro-batches.
void Router::fold(const std::vector<Tensor>& measured) {
  const Tensor& counts = measured[0];
  load.staged = load.staged.defined() ? load.staged + counts : counts;
  if (steps) steps->staged = full({}, item(steps->value) + 1, DType::i64);
  if (config.balancing != Balancing::sign && config.balancing != Balancing::proportional) return;
  Tensor counted = load.staged;
  if (usage) counted = usage->staged = usage->value * config.average + load.staged * (1 - config.average);
  const Tensor all = sum(counted, {}, /*keep=*/true), lack = all - counted * double(experts);
  const bool sign = config.balancing == Balancing::sign;
  // lack = E (mean load - load): an integer, or with `average` a sum of fractions whose rounding is no lack.
  const Tensor move = sign ? clamp(lack * 1e6, -1, 1) : lack / clamp(all, 1e-9, 1e300);
  balance.staged = balance.value * (1 - config.leak) + cast(move, balance.value.dtype()) * config.rate;
  if (config.limit > 0) balance.staged = clamp(balance.staged, -config.limit, config.limit);
}

// The fractions are those of the last optimizer step and this micro-batch together.  From a few images they would be
// mostly chance, and each micro-batch would have to be even by itself: Qiu et al. 2025, "Demons in the detail",
// arXiv:2501.11873, section 3.  They do not depend on the other micro-batches of the step, which may be computed by other
// processes at the same time.
Var Router::auxiliary_loss(const Var& raw, const Route& route) {
  const bool even = config.balancing == Balancing::auxiliary;
  if (raw.dim(0) == 0) return {};
  Var loss;
  if (even) {
    Tensor counts = counted(route.expert, experts);
    if (training()) counts = counts + load.value;
    Tensor fraction = cast(counts / sum(counts, {}, /*keep=*/true), raw.dtype());
    double coefficient = config.auxiliary;
    if (steps) {
      const double risen = (item(steps->value) + 1 - double(config.delay)) / std::max(1.0, double(config.warmup));
      coefficient = config.floor + (config.auxiliary - config.floor) * std::clamp(risen, 0.0, 1.0);
    }
    loss = sum(mean(softmax(route.logits), {0}) * Var(fraction)) * (coefficient * double(experts));
  }
  if (config.z_loss > 0) {
    Var z = mean(square(logsumexp(raw))) * config.z_loss;
    loss = even ? loss + z : z;
  }
  if (config.entropy > 0) {
    Var log_p = log_softmax(route.logits);
    Var lack = (sum(mean(exp(log_p) * log_p, {0})) + std::log(double(experts))) * config.entropy;
    loss = loss.defined() ? loss + lack : lack;
  }
  return loss;
}

}  // namespace camo::moe
