// A sparse mixture of experts over the leading axis: each image (or row) goes to K of E experts.
//
//   y = x + sum over the chosen e of weight[e] * expert_e(x)
//
// Shazeer et al. 2017, arXiv:1701.06538, with whole convolutional branches as experts.  No image is dropped,
// and the host loops over experts, never over images.  The gate learns: the adjoint of combine_rows gives
// dweight[b, k] = <dy[b], result[b, k]>.  Routing windows or pixels is the same layer on other rows: they are
// cut from the map, treated as images of their own, and put back.  Read before: router.h, plan.h; after:
// experts.h, camoxpert.h.
#pragma once

#include <algorithm>
#include <cmath>

#include "moe/experts.h"
#include "moe/experts/mlp.h"
#include "moe/plan.h"
#include "moe/router.h"

namespace camo::moe {

/// What one forward pass did, for people and metrics; outside the graph.
struct MoeStats {
  std::vector<int64_t> load;  // (E) rows per expert; sums to B * K, where rows are images
  double load_error = 0;      // of load
  Tensor auxiliary;           // () E sum_e fraction_e mean p_e, the measure of auxiliary balancing: 1 when even
  Tensor weight;              // (E) mean over rows of the weight an expert got; sums to 1
  Tensor entropy;             // () mean over rows of the entropy of softmax(logits), in nats: log E when undecided
};

/// max_e |load_e - mean| / mean
template <class T> double load_error(const std::vector<T>& load) {
  double sum = 0, worst = 0;
  for (T n : load) sum += double(n);
  const double even = sum / double(load.size());
  for (T n : load) worst = std::max(worst, std::abs(double(n) - even) / even);
  return worst;
}

struct MoeOut {
  Var y;         // like x
  Var aux_loss;  // to be added to the task's loss if defined
  MoeStats stats;
  Route route;
};

/// Windows of a map, row by row: (B, H, W, C) -> (B * h * w, tile, tile, C), h = H / tile rounded up.  A window that
/// reaches over the lower or right edge holds zeros there, like the padding of a convolution.
Var to_tiles(const Var& x, int64_t tile);
/// The map (B, H, W, C) of its windows; what lies beyond the edges is dropped.
Var from_tiles(const Var& rows, const Shape& map);

class Listener;

struct Moe : nn::Module {
  Routing routing;
  int64_t tile;  // side of what is routed; pixels are windows of 1 x 1
  Router router;
  std::unique_ptr<Experts> experts;
  std::vector<Listener*> listeners;  // those attached: listener.h

  /// One expert of each kind in the list.
  Moe(nn::Scope s, int64_t dim, const std::vector<ExpertKind>& kinds, const MoeConfig& config = {});
  /// Experts that act pixel by pixel, as grouped products of all their rows.
  Moe(nn::Scope s, int64_t dim, const MlpPool& experts, const MoeConfig& config = {});
  ~Moe() override;

  /// Side of the windows that a map (B, H, W, C) is cut into: a tile, or all of a map that is smaller.
  int64_t side(const Shape& map) const;
  /// What is routed of x: x itself, or its windows.
  Var rows(const Var& x) const;
  /// The router's choice for rows (R, ..., C), as listeners leave it.
  Route choose(const Var& rows);
  /// x (B, ..., C), as its experts take it; (B, H, W, C) for tiles and pixels, which reach them as (R, t, t, C).
  MoeOut forward(const Var& x);

 private:
  Moe(nn::Scope s, int64_t dim, int64_t count, const MoeConfig& config);
};

/// All mixtures below a module, in order of construction: finest first in the models here.
std::vector<Moe*> mixtures(nn::Module& network);
/// How many parameters below a module one row leaves idle: those of the experts that it is not sent to.  Where the
/// experts differ in size, their mean counts.
double idle_parameters(nn::Module& network);

}  // namespace camo::moe
