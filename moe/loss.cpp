#include "moe/loss.h"

#include "nn/loss.h"

namespace camo::moe {
namespace {

/// The target as large as the padded image that the maps belong to: nothing hides in the margin.
Tensor padded(const Tensor& target) {
  const int64_t H = target.dim(1), W = target.dim(2);
  const int64_t below = CamoXpert::padded_side(H) - H, right = CamoXpert::padded_side(W) - W;
  return below + right == 0 ? target : pad(target, {{0, 0}, {0, below}, {0, right}, {0, 0}});
}

Var of_side(const Var& side, const Tensor& target) {
  return side.defined() ? nn::side_loss(side, padded(target)) : Var();
}

Var deep(const CamoXpertOut& out, const Tensor& target) {
  Var total;
  for (const Var& side : out.deep) {
    Var one = of_side(side, target);
    total = total.defined() ? total + one : one;
  }
  return total;
}

/// The maps between the first guess and the logits, later ones counting more: weights 1, 2, ..., n over their sum.
Var refinement(const CamoXpertOut& out, const Tensor& target) {
  Var total;
  const double n = double(out.steps.size());
  for (size_t i = 0; i < out.steps.size(); ++i) {
    Var one = of_side(out.steps[i], target) * (2 * double(i + 1) / (n * (n + 1)));
    total = total.defined() ? total + one : one;
  }
  return total;
}

Var uncertainty(const CamoXpertOut& out, const Tensor& target) {
  if (!out.uncertainty.defined()) return {};
  const Var& guess = out.steps.at(0);
  return nn::uncertainty_loss(guess, out.uncertainty, adaptive_avg_pool(padded(target), guess.dim(1), guess.dim(2)));
}

}  // namespace

const std::vector<LossTerm>& loss_terms() {
  using Out = const CamoXpertOut&;
  using Target = const Tensor&;
  static const std::vector<LossTerm> terms = {
      {"structure", &LossWeights::structure, "cross entropy and IoU, weighted near boundaries, of the logits",
       [](Out out, Target t) { return nn::structure_loss(out.logits, t); }},
      {"deep", &LossWeights::deep, "structure loss of each side map, summed",
       [](Out out, Target t) { return deep(out, t); }},
      {"search", &LossWeights::search, "structure loss of the search map",
       [](Out out, Target t) { return of_side(out.search, t); }},
      {"reverse", &LossWeights::reverse, "structure loss of what reverse attention takes for the object",
       [](Out out, Target t) { return of_side(out.reverse, t); }},
      {"refinement", &LossWeights::refinement, "structure loss of the steps before the logits, later ones counting more",
       [](Out out, Target t) { return refinement(out, t); }},
      {"uncertainty", &LossWeights::uncertainty, "cross entropy of the first guess over its uncertainty u, plus log u",
       [](Out out, Target t) { return uncertainty(out, t); }},
  };
  return terms;
}

Var camoxpert_loss(const CamoXpertOut& out, const Tensor& target, const LossWeights& weights,
                   LossValues* values) {
  Var total;
  auto add_term = [&](const char* name, const Var& value, double weight) {
    if (!value.defined()) return;
    if (values) values->emplace_back(name, value.value());
    Var term = weight == 1 ? value : weight * value;
    total = total.defined() ? total + term : term;
  };
  for (const LossTerm& term : loss_terms())
    if (weights.*term.weight != 0) add_term(term.name, term.value(out, target), weights.*term.weight);
  add_term("aux", out.aux_loss, 1);
  check<ConfigError>(total.defined(), "camoxpert_loss: every term has weight 0 [give one a weight]");
  return total;
}

}  // namespace camo::moe
