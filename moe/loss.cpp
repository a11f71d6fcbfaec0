#include "moe/loss.h"

#include "nn/loss.h"

namespace camo::moe {
namespace {

/// Compares a map with the target, padded with zeros to the size of the padded image that the map belongs to.
Var of_side(const Var& side, const Tensor& target) {
  return side.defined() ? nn::side_loss(side, CamoXpert::padded(target)) : Var();
}

/// The sum over the maps of weight(i) * structure loss; undefined without maps.
template <class Weight> Var of_sides(const Vars& sides, const Tensor& target, const Weight& weight) {
  Var total;
  for (size_t i = 0; i < sides.size(); ++i) {
    Var one = of_side(sides[i], target) * weight(i);
    total = total.defined() ? total + one : one;
  }
  return total;
}

Var deep(const CamoXpertOut& out, const Tensor& target) {
  return of_sides(out.deep, target, [](size_t) { return 1.0; });
}

/// The maps between the first guess and the logits have increasing weights: 1, 2, ..., n divided by their sum.
Var refinement(const CamoXpertOut& out, const Tensor& target) {
  const double n = double(out.steps.size());
  return of_sides(out.steps, target, [n](size_t i) { return 2 * double(i + 1) / (n * (n + 1)); });
}

Var uncertainty(const CamoXpertOut& out, const Tensor& target) {
  if (!out.uncertainty.defined()) return {};
  const Var& guess = out.steps.at(0);
  const Tensor whole = CamoXpert::padded(target);
  return nn::uncertainty_loss(guess, out.uncertainty, adaptive_avg_pool(whole, guess.dim(1), guess.dim(2)));
}

}  // namespace

const std::vector<LossTerm>& loss_terms() {
  using Out = const CamoXpertOut&;
  using Target = const Tensor&;
  static const std::vector<LossTerm> terms = {
      {"structure", 1, "cross entropy and IoU, weighted near boundaries",
       [](Out out, Target t) { return nn::structure_loss(out.logits, t); }},
      {"bce", 0, "cross entropy", [](Out out, Target t) { return nn::bce_loss(out.logits, t); }},
      {"iou", 0, "1 - intersection over union", [](Out out, Target t) { return nn::iou_loss(out.logits, t); }},
      {"dice", 0, "1 - Dice's overlap", [](Out out, Target t) { return nn::dice_loss(out.logits, t); }},
      {"edge", 0, "squared difference of edge strengths",
       [](Out out, Target t) { return nn::edge_loss(out.logits, t); }},
      {"boundary", 0, "cross entropy along the outline",
       [](Out out, Target t) { return nn::boundary_loss(out.logits, t); }},
      {"ssim", 0, "1 - structural similarity", [](Out out, Target t) { return nn::ssim_loss(out.logits, t); }},
      {"tversky", 0, "1 - overlap in which misses weigh 0.7, false alarms 0.3",
       [](Out out, Target t) { return nn::tversky_loss(out.logits, t); }},
      {"focal_tversky", 0, "tversky to the power 3/4",
       [](Out out, Target t) { return nn::focal_tversky_loss(out.logits, t); }},
      {"deep", 0.5, "structure loss of each side map, summed", deep, false},
      {"search", 0.5, "structure loss of the search map", [](Out out, Target t) { return of_side(out.search, t); },
       false},
      {"reverse", 0.3, "structure loss of what reverse attention takes for the object",
       [](Out out, Target t) { return of_side(out.reverse, t); }, false},
      {"refinement", 0.5, "structure loss of the steps to the logits, later ones counting more", refinement, false},
      {"uncertainty", 0.1, "cross entropy of the first guess over its uncertainty u, plus log u", uncertainty, false},
  };
  return terms;
}

Var camoxpert_loss(const CamoXpertOut& out, const Tensor& target, const LossWeights& weights, LossValues* values) {
  Var total;
  auto add_term = [&](const char* name, const Var& value, double weight) {
    if (!value.defined()) return;
    if (values) values->emplace_back(name, value.value());
    Var term = weight == 1 ? value : weight * value;
    total = total.defined() ? total + term : term;
  };
  for (const LossTerm& term : loss_terms())
    if (const double weight = weights[term.name]; weight != 0) add_term(term.name, term.value(out, target), weight);
  check<ConfigError>(total.defined(), "camoxpert_loss: every term has weight 0 [give one a weight]");
  add_term("aux", out.aux_loss, 1);
  return total;
}

}  // namespace camo::moe
