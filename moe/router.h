// Router: which experts an image goes to, and how much each of them counts.
//
//   logits = gate(image) / temperature                   (B, E)
//   expert = top K of logits + balance                   balance decides who is chosen ...
//   weight = softmax over the chosen, unbiased logits    ... and never how much a chosen one counts
//
// The weights are a Var: the task's loss trains the gate through them.  The load is evened out without a loss term:
// once per optimizer step, balance moves up for experts with less than the mean load and down for those with more.
// Wang, Gao, Zhao, Sun, Dai 2024, "Auxiliary-loss-free load balancing strategy for mixture-of-experts",
// arXiv:2408.15664, algorithm 1.  Or with one (Balancing::auxiliary).  Read before: gate.h; next: plan.h.
#pragma once

#include "moe/gate.h"
#include "tensor/names.h"

namespace camo::moe {

/// How the load is evened out.
///   sign          balance moves by +-rate
///   proportional  by rate (mean load - load) / mean load
///   auxiliary     a loss, coefficient * E sum_e fraction_e mean_b p[b, e]: fraction of the choices that fell on e,
///                 a constant, p = softmax(logits).  1 when even.  Fedus, Zoph, Shazeer 2021, arXiv:2101.03961
enum class Balancing { none, sign, proportional, auxiliary };
constexpr auto names_of(Balancing) { return std::array{"none", "sign", "proportional", "auxiliary"}; }

/// Whose softmax the weights are.  Both are the same numbers; what differs is the unit of the balance.
///   chosen  of the chosen logits; the balance is added to logits
///   all     of all logits, then divided by the sum of the chosen; the balance is added to probabilities
enum class Weights { chosen, all };
constexpr auto names_of(Weights) { return std::array{"chosen", "all"}; }

/// What is a row: a whole image, a window of it, or a pixel.
enum class Routing { image, tile, pixel };
constexpr auto names_of(Routing) { return std::array{"image", "tile", "pixel"}; }

struct MoeConfig {
  int64_t chosen = 2;
  Routing routing = Routing::image;
  int64_t tile = 8;  // side of a window in pixels, of Routing::tile

  GateKind gate = GateKind::simple;
  Weights weights = Weights::chosen;
  double temperature = 1;  // logits are divided by it
  double clamp = 0;        // and before that cut to [-clamp, clamp], where they get no gradient; 0: not
  double noise = 0;        // standard deviation of what is added to the logits of the selection in training
  double z_loss = 0;       // coefficient of mean logsumexp(gate)^2, which keeps logits small: arXiv:2202.08906, eq. 5

  Balancing balancing = Balancing::sign;
  double rate = 1e-2;       // sign and proportional: of a step, in the unit of the balance
  double leak = 0;          // share of the balance that is lost per step
  double auxiliary = 1e-2;  // coefficient ...
  int64_t warmup = 0;       // ... which rises to that over so many optimizer steps
};

/// What the router decided for B images.
struct Route {
  Tensor expert;  // (B, K) i64, distinct within a row
  Var weight;     // (B, K), each row sums to 1; f32 (f64 with f64), also for bf16 images
  Var logits;     // (B, E), without balance and noise
  Var aux_loss;   // (); undefined without auxiliary balancing and z-loss
};

struct Router : nn::Module {
  MoeConfig config;
  int64_t experts, chosen;
  std::unique_ptr<GateViews> views;  // of GateKind::content_aware
  nn::Linear gate;
  nn::Buffer &balance, &load;  // (E): bias of the selection; choices counted during the last optimizer step
  nn::Buffer* steps;           // optimizer steps so far, for the auxiliary coefficient; null without a warm-up

  /// Throws ConfigError unless 1 <= chosen <= experts, and for a setting out of its range.
  Router(nn::Scope s, int64_t dim, int64_t experts, const MoeConfig& config = {});

  /// x (B, ..., C).  In training, stages the new balance (not while recomputing a checkpoint).
  Route forward(const Var& x);

 private:
  Tensor select(const Tensor& logits);
  void stage(const Tensor& expert);
  Var auxiliary_loss(const Var& raw, const Route& route);
};

}  // namespace camo::moe
