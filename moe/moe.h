// A sparse mixture of experts over the leading axis: each image (or row) goes to K of E experts.
//
//   y = x + sum over the chosen e of weight[e] * expert_e(x)
//
// Shazeer et al. 2017, arXiv:1701.06538, with whole convolutional branches as experts.  No image is dropped, and the
// host loops over experts, never over images.  The gate is trained: the adjoint of combine_rows gives dweight[b, k] =
// <dy[b], result[b, k]>.  Routing by tile or pixel uses the same layer: windows are cut from the map, routed like
// images, and put back.
// Read before: router.h, plan.h; after: experts.h, camoxpert.h.
#pragma once

#include <algorithm>
#include <cmath>

#include "moe/experts.h"
#include "moe/experts/mlp.h"
#include "moe/plan.h"
#include "moe/router.h"

namespace camo::moe {

/// Statistics of one forward pass, for metrics; outside the graph.
struct MoeStats {
  std::vector<int64_t> load;  // (E) rows per expert; the sum is K times the number of rows
  double load_error = 0;      // load_error(load)
  Tensor auxiliary;           // () E sum_e fraction_e mean p_e, the auxiliary balancing measure: 1 for an even load
  Tensor weight;              // (E) mean weight of an expert over the rows; the sum is 1
  Tensor entropy;             // () mean entropy of softmax(logits) over the rows, in nats: log E if all are equal
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
  Var aux_loss;  // if defined, to be added to the task's loss
  MoeStats stats;
  Route route;
};

/// Cuts a map into windows, row by row: (B, H, W, C) -> (B * h * w, tile, tile, C), h = ceil(H / tile), w
/// = ceil(W / tile).
/// Windows that reach beyond the lower or right edge are padded with zeros.
Var to_tiles(const Var& x, int64_t tile);
/// Joins windows to the map (B, H, W, C) and drops what lies beyond its edges.
Var from_tiles(const Var& rows, const Shape& map);

class Listener;

struct Moe : nn::Module {
  Routing routing;
  int64_t tile;  // side of a window; routing by pixel uses windows of 1 x 1
  Router router;
  std::unique_ptr<Experts> experts;
  std::vector<Listener*> listeners;  // attached listeners: listener.h

  /// One expert of each kind in the list.
  Moe(nn::Scope s, int64_t dim, const std::vector<ExpertKind>& kinds, const MoeConfig& config = {});
  /// Experts that act per pixel, computed as grouped products.
  Moe(nn::Scope s, int64_t dim, const MlpPool& experts, const MoeConfig& config = {});
  ~Moe() override;

  /// The side of the windows for a map (B, H, W, C): `tile`, or the larger side of a map that is smaller.
  int64_t side(const Shape& map) const;
  /// The rows that are routed: x itself, or its windows.
  Var rows(const Var& x) const;
  /// The router's choice for rows (R, ..., C), after listeners have seen or changed it.
  Route choose(const Var& rows);
  /// x (B, ..., C) for images, (B, H, W, C) for tiles and pixels, which reach the experts as (R, t, t, C).
  MoeOut forward(const Var& x);

 private:
  Moe(nn::Scope s, int64_t dim, int64_t count, const MoeConfig& config);
};

/// All mixtures in a network, in order of construction; in the models here that is finest first.
std::vector<Moe*> mixtures(nn::Module& network);
/// How many parameters of a network are not used by one row: those of the experts that it is not routed to.  If the
/// experts differ in size, their mean size counts.
double idle_parameters(nn::Module& network);

}  // namespace camo::moe
