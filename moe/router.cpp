#include "moe/router.h"

#include "autograd/checkpoint.h"

namespace camo::moe {
namespace {

int64_t checked(int64_t experts, int64_t chosen) {
  check<ConfigError>(1 <= chosen && chosen <= experts,
                     "router: chooses between 1 and all of its experts, got ", chosen, " of ", experts);
  return experts;
}

/// Mean over all axes between the first and the last: (B, ..., C) -> (B, C).
Var pooled(const Var& x) {
  check(x.rank() >= 2, "router: x (B, ..., C) expects at least 2 axes, got ", x.shape());
  std::vector<int> inner;
  for (int axis = 1; axis + 1 < x.rank(); ++axis) inner.push_back(axis);
  return inner.empty() ? x : mean(x, inner);
}

}  // namespace

// A small gate (trunc_normal) starts with nearly equal logits: no expert is shut out before it has learned.
Router::Router(nn::Scope s, int64_t dim, int64_t experts, int64_t chosen, double rate)
    : Module(std::move(s)), experts(checked(experts, chosen)), chosen(chosen), rate(rate),
      gate(sub("gate"), dim, experts, true, nn::Init::trunc_normal),
      balance(buffer("balance", zeros({experts}, state().dtype, state().device))),
      load(buffer("load", zeros({experts}, DType::f64, state().device), /*saved=*/false)) {}

Route Router::forward(const Var& x) {
  Var logits = gate.forward(cast(pooled(x), acc_dtype(x.dtype())));
  Tensor expert = top_k(add(logits.value(), balance.value), chosen).index;
  if (training() && !recomputing()) stage(expert);
  Route route{expert, softmax(take_along(logits, expert)), logits};
  if (hook) hook(route);
  return route;
}

// Counts add up over the micro-batches of a step (nothing is staged at its first one), and the balance is
// derived anew from the committed one each time: whatever number of micro-batches, commit() takes over one
// exact move.
void Router::stage(const Tensor& expert) {
  Tensor counts = cast(histogram(expert, experts), DType::f64);
  load.staged = load.staged.defined() ? add(load.staged, counts) : counts;
  // E (mean load - load) is a whole number, so clamping it to [-1, 1] gives its sign.
  Tensor lack = camo::sub(sum(load.staged, {}, /*keep=*/true), scale(load.staged, double(experts)));
  balance.staged = add(balance.value, scale(cast(unary(lack, Clamp{-1, 1}), balance.value.dtype()), rate));
}

}  // namespace camo::moe
