// The loss of CamoXpert: a weighted sum of terms, listed in one table.
//
//   loss = sum over the terms of weight * value + aux_loss
//
// A term has a name, a weight, and a function of the network's output; nn/loss.h has the formulas.  Weights and
// configuration read the same table, so a new term is one line in loss.cpp.
#pragma once

#include "moe/camoxpert.h"

namespace camo::moe {

struct LossTerm {
  const char* name;
  double weight;  // default weight
  const char* help;
  /// A scalar, or undefined if the network does not return the map.  target (B, H, W, 1).
  Var (*value)(const CamoXpertOut& out, const Tensor& target);
  bool of_logits = true;  // false: a term of another map
};

/// All terms, in the order in which they are added.
const std::vector<LossTerm>& loss_terms();

/// A weight for each term, by name; the initial values are those of the table.
class LossWeights {
 public:
  LossWeights() {
    for (const LossTerm& term : loss_terms()) weights_.push_back(term.weight);
  }
  /// Throws ConfigError if there is no term with that name.
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

/// The unweighted values of the terms that were computed: scalars () on the device of the loss.
using LossValues = std::vector<std::pair<std::string, Tensor>>;

/// The weighted sum, plus aux_loss if that is defined.  A term of weight 0 is not computed.
///   target  (B, H, W, 1) in [0, 1], of the logits' dtype; averaged down to the size of smaller maps
///   values  if given, one entry for each computed term, "aux" included
/// ConfigError if no term is left, because aux_loss alone cannot train the network.
Var camoxpert_loss(const CamoXpertOut& out, const Tensor& target, const LossWeights& weights = {},
                   LossValues* values = nullptr);

}  // namespace camo::moe
