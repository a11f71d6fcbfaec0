// Router: which experts an image goes to, and how much each of them counts.
//
//   logits = linear(mean over pixels)                    (B, E)
//   expert = top K of logits + balance                   balance decides who is chosen ...
//   weight = softmax over the chosen, unbiased logits    ... and never how much a chosen one counts
//
// The weights are a Var: the task's loss trains the gate through them.  The load is evened out without a loss
// term: once per optimizer step, balance moves by +rate for experts with less than the mean load and by -rate
// for those with more.  Wang, Gao, Zhao, Sun, Dai 2024, "Auxiliary-loss-free load balancing strategy for
// mixture-of-experts", arXiv:2408.15664, algorithm 1.  Read next: plan.h.
#pragma once

#include <functional>

#include "nn/layers.h"

namespace camo::moe {

/// What the router decided for B images.
struct Route {
  Tensor expert;  // (B, K) i64, distinct within a row
  Var weight;     // (B, K), each row sums to 1; f32 (f64 with f64), also for bf16 images
  Var logits;     // (B, E), without the balance
};

struct Router : nn::Module {
  int64_t experts, chosen;
  double rate;                // how far the balance moves per optimizer step, in the unit of the logits
  nn::Linear gate;
  nn::Buffer &balance, &load;  // (E): bias of the selection; choices counted during the last optimizer step
  std::function<void(Route&)> hook;  // called with what was decided: where tests plant defects

  /// Throws ConfigError unless 1 <= chosen <= experts.
  Router(nn::Scope s, int64_t dim, int64_t experts, int64_t chosen, double rate = 1e-2);

  /// x (B, ..., C).  In training, stages the new balance (not while recomputing a checkpoint).
  Route forward(const Var& x);

 private:
  void stage(const Tensor& expert);
};

}  // namespace camo::moe
