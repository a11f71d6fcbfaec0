// A sparse mixture of experts over the leading axis: each image (or row) goes to K of E experts.
//
//   y = x + sum over the chosen e of weight[e] * expert_e(x)
//
// Shazeer et al. 2017, arXiv:1701.06538, with whole convolutional branches as experts.  No image is dropped,
// nothing is padded, and the host loops over experts, never over images.  The gate learns: the adjoint of
// combine_rows gives dweight[b, k] = <dy[b], result[b, k]>.  Read before: router.h, plan.h; after: experts.h,
// camoxpert.h.
#pragma once

#include "moe/experts.h"
#include "moe/plan.h"
#include "moe/router.h"

namespace camo::moe {

/// What one forward pass did, for people and metrics; outside the graph.
struct MoeStats {
  std::vector<int64_t> load;  // (E) images per expert; sums to B * K
  Tensor weight;              // (E) mean over images of the weight an expert got; sums to 1
  Tensor entropy;  // () mean over images of the entropy of softmax(logits), in nats: log E when undecided
};

struct MoeOut {
  Var y;         // like x
  Var aux_loss;  // to be added to the task's loss if defined; this router balances without one
  MoeStats stats;
  Route route;
};

struct Moe : nn::Module {
  Router router;
  nn::List<Expert> experts;
  std::vector<std::string> names;        // of the experts
  std::function<void(Plan&)> plan_hook;  // called with the plan: where tests plant defects
  std::function<void(const Var& x, const MoeOut& out)> watch;  // called at the end: for checks and pictures

  /// One expert of each kind in the list; K = chosen.
  Moe(nn::Scope s, int64_t dim, const std::vector<ExpertKind>& kinds, int64_t chosen,
      double balance_rate = 1e-2);

  /// x (B, ..., C), as its experts take it.
  MoeOut forward(const Var& x);
};

/// All mixtures below a module, in order of construction: finest first in the models here.
std::vector<Moe*> mixtures(nn::Module& network);

}  // namespace camo::moe
