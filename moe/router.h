// Router: decides which experts an image goes to, and with which weights.
//
//   logits = gate(image) / temperature                   (B, E)
//   expert = top K of logits + balance                   balance decides who is chosen ...
//   weight = softmax over the chosen, unbiased logits    ... and never how much a chosen one counts
//
// The weights are a Var, so the task's loss trains the gate through them.  By default the load is balanced
// without a loss term: once per optimizer step, balance goes up for experts with less than the mean load and down
// for those with more.
// Wang, Gao, Zhao, Sun, Dai 2024, "Auxiliary-loss-free load balancing strategy for mixture-of-experts",
// arXiv:2408.15664, algorithm 1.  Balancing::auxiliary uses a loss instead.  Read before: gate.h; next: plan.h.
#pragma once

#include "moe/gate.h"
#include "tensor/names.h"

namespace camo::moe {

/// How the load is balanced.
///   sign          balance moves by +-rate
///   proportional  balance moves by rate (mean load - load) / mean load
///   auxiliary     a loss, coefficient * E sum_e fraction_e mean_b p[b, e], where fraction_e is the part of all choices
///                 that fell on e (a constant) and p = softmax(logits).  It is 1 for an even load.
///                 Fedus, Zoph, Shazeer 2021, arXiv:2101.03961
enum class Balancing { none, sign, proportional, auxiliary };
constexpr auto names_of(Balancing) { return std::array{"none", "sign", "proportional", "auxiliary"}; }

/// How the weights are computed.  Both give the same numbers; only the unit of the balance differs.
///   chosen  softmax of the chosen logits; the balance is added to logits
///   all     softmax of all logits, divided by the sum over the chosen; the balance is added to probabilities
enum class Weights { chosen, all };
constexpr auto names_of(Weights) { return std::array{"chosen", "all"}; }

/// What is routed: a whole image, a window of it, or a pixel.
enum class Routing { image, tile, pixel };
constexpr auto names_of(Routing) { return std::array{"image", "tile", "pixel"}; }

struct MoeConfig {
  int64_t chosen = 2;
  Routing routing = Routing::image;
  int64_t tile = 8;  // Routing::tile: side of a window in pixels

  GateKind gate = GateKind::simple;
  Weights weights = Weights::chosen;
  double temperature = 1;  // logits are divided by it
  double clamp = 0;        // logits are first clamped to [-clamp, clamp], without gradient beyond; 0: no clamp
  double noise = 0;        // standard deviation of noise that training adds to the logits for the selection
  double z_loss = 0;       // coefficient of mean logsumexp(gate)^2, which keeps logits small: arXiv:2202.08906, eq. 5

  Balancing balancing = Balancing::sign;
  double rate = 1e-2;       // sign and proportional: move per step, in the unit of the balance
  double leak = 0;          // fraction of the balance that is lost per step
  double limit = 0;         // the balance stays in [-limit, limit]; 0: no limit
  double average = 0;       // sign and proportional: the load that counts is average * before + (1 - average) * now
  double auxiliary = 1e-2;  // auxiliary: the coefficient of the loss.  It is `floor` for `delay` optimizer steps and
  int64_t warmup = 0;       // then rises linearly over this many,
  int64_t delay = 0;        // all counted from the start of training
  double floor = 0;
  double entropy = 0;  // coefficient of log E - mean entropy of softmax(logits), a loss that keeps choices open
};

/// The router's decision for B rows.
struct Route {
  Tensor expert;  // (B, K) i64, distinct within a row
  Var weight;     // (B, K), each row sums to 1; f32 (f64 with f64), also for bf16 images
  Var logits;     // (B, E), without balance and without noise
  Var aux_loss;   // (); defined only with auxiliary balancing, z-loss or entropy
};

struct Router : nn::Module {
  MoeConfig config;
  int64_t experts, chosen;
  std::unique_ptr<GateViews> views;  // null for GateKind::simple
  nn::Linear gate;
  nn::Buffer &balance, &load;  // (E): bias of the selection; choices counted in the last optimizer step
  nn::Buffer* steps;           // number of optimizer steps, for the warm-up of the auxiliary coefficient; else null
  nn::Buffer* usage;           // (E): the averaged load; null without average

  /// Throws ConfigError unless 1 <= chosen <= experts and every setting is in its range.
  Router(nn::Scope s, int64_t dim, int64_t experts, const MoeConfig& config = {});

  /// x (B, ..., C).  In training, stages the new balance (but not in checkpoint's second run).
  Route forward(const Var& x);
  /// measured: the choices of each expert, f64 (E).
  void fold(const std::vector<Tensor>& measured) override;

 private:
  Tensor select(const Tensor& logits);
  Var auxiliary_loss(const Var& raw, const Route& route);
};

}  // namespace camo::moe
