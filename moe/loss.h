// The loss of CamoXpert: a weighted sum of terms, one table of them all.
//
//   loss = sum over the terms of weight * value + aux_loss
//
// A term is a name, a weight and a function of what the network made; the formulas are in nn/loss.h.  The
// configuration reads the same table, so a new term is one line in loss.cpp and one member here.
#pragma once

#include "moe/camoxpert.h"

namespace camo::moe {

struct LossWeights {
  // of the logits
  double structure = 1, bce = 0, iou = 0, dice = 0, edge = 0, boundary = 0, ssim = 0, tversky = 0, focal_tversky = 0;
  // of the maps beside them, as far as the network makes them
  double deep = 0.5, search = 0.5, reverse = 0.3, refinement = 0.5, uncertainty = 0.1;
};

struct LossTerm {
  const char* name;
  double LossWeights::*weight;  // of LossWeights{}: the default
  const char* help;
  /// A number, or undefined where the network makes no such map.  target (B, H, W, 1).
  Var (*value)(const CamoXpertOut& out, const Tensor& target);
  bool of_logits = true;  // false: of a map beside them
};

/// All terms, in the order in which they are added.
const std::vector<LossTerm>& loss_terms();

/// Values of the terms that were computed, before their weights: numbers () on the loss's device.
using LossValues = std::vector<std::pair<std::string, Tensor>>;

/// The weighted sum, plus aux_loss where it is defined.  A term of weight 0 is not computed.
///   target  (B, H, W, 1) in [0, 1], of the logits' dtype; averaged down to the size of smaller maps
///   values  if given, one entry for each computed term, "aux" included
/// ConfigError when no term is left: aux_loss alone teaches nothing.
Var camoxpert_loss(const CamoXpertOut& out, const Tensor& target, const LossWeights& weights = {},
                   LossValues* values = nullptr);

}  // namespace camo::moe
