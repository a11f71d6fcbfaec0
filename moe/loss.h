// The loss of CamoXpert: a weighted sum of terms, one table of them all.
//
//   loss = sum over the terms of weight * value + aux_loss
//
// A term is a name, a weight and a function of what the network made; the formulas are in nn/loss.h.  Weights and
// configuration read the same table, so a new term is one line in loss.cpp.
#pragma once

#include "moe/camoxpert.h"

namespace camo::moe {

struct LossTerm {
  const char* name;
  double weight;  // unless a configuration says otherwise
  const char* help;
  /// A number, or undefined where the network makes no such map.  target (B, H, W, 1).
  Var (*value)(const CamoXpertOut& out, const Tensor& target);
  bool of_logits = true;  // false: of a map beside them
};

/// All terms, in the order in which they are added.
const std::vector<LossTerm>& loss_terms();

/// A weight for each term, by name; at first those of the table.
class LossWeights {
 public:
  LossWeights() {
    for (const LossTerm& term : loss_terms()) weights_.push_back(term.weight);
  }
  /// ConfigError unless a term is called so.
  double& operator[](const std::string& name) { return weights_[index(name)]; }
  double operator[](const std::string& name) const { return weights_[index(name)]; }

 private:
  static size_t index(const std::string& name) {
    size_t i = 0;
    while (i < loss_terms().size() && loss_terms()[i].name != name) ++i;
    check<ConfigError>(i < loss_terms().size(), "loss: no term is called '", name, "'");
    return i;
  }
  std::vector<double> weights_;  // in the order of loss_terms()
};

/// Values of the terms that were computed, before their weights: numbers () on the loss's device.
using LossValues = std::vector<std::pair<std::string, Tensor>>;

/// The weighted sum, plus aux_loss where it is defined.  A term of weight 0 is not computed.
///   target  (B, H, W, 1) in [0, 1], of the logits' dtype; averaged down to the size of smaller maps
///   values  if given, one entry for each computed term, "aux" included
/// ConfigError when no term is left: aux_loss alone teaches nothing.
Var camoxpert_loss(const CamoXpertOut& out, const Tensor& target, const LossWeights& weights = {},
                   LossValues* values = nullptr);

}  // namespace camo::moe
