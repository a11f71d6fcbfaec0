// The network's loss: which terms, with which weights, against a target of which size.
#include <doctest/doctest.h>

#include "autograd/gradient_check.h"
#include "moe/loss.h"
#include "nn/loss.h"

using namespace camo;
using namespace camo::moe;

namespace {

/// A network's output for images of 40 x 50 (padded to 64 x 64): random numbers in double.
CamoXpertOut noise() {
  auto map = [](int64_t side, uint64_t seed) { return Var::leaf(randn({2, side, side, 1}, seed, DType::f64)); };
  CamoXpertOut out;
  out.logits = Var::leaf(randn({2, 40, 50, 1}, 1, DType::f64));
  out.deep = {map(8, 2), map(4, 3)}, out.search = map(2, 4), out.reverse = map(16, 5);
  out.steps = {map(16, 6), map(16, 7), map(16, 8)}, out.uncertainty = Var::leaf(rand({2, 16, 16, 1}, 9, DType::f64));
  out.aux_loss = Var::leaf(full({}, 0.25, DType::f64));
  return out;
}

Tensor target() { return rand({2, 40, 50, 1}, 10, DType::f64); }

LossWeights nothing() {
  LossWeights w;
  for (const LossTerm& term : loss_terms()) w[term.name] = 0;
  return w;
}

double value(const LossValues& values, const std::string& name) {
  for (const auto& [n, v] : values)
    if (n == name) return item(v);
  FAIL("no term " << name);
  return 0;
}

}  // namespace

TEST_CASE("the table lists every term once, and weights are set by these names") {
  for (const LossTerm& a : loss_terms()) {
    CHECK(LossWeights{}[a.name] == a.weight);
    for (const LossTerm& b : loss_terms()) CHECK((&a == &b) == (std::string(a.name) == b.name));
  }
  CHECK_THROWS_WITH_AS(LossWeights{}["dise"], doctest::Contains("'dise'"), ConfigError);
}

TEST_CASE("the loss is the weighted sum of its terms plus the auxiliary loss") {
  CamoXpertOut out = noise();
  LossWeights weights;
  double share = 0.1;
  for (const LossTerm& term : loss_terms()) weights[term.name] = share += 0.07;
  LossValues values;
  const double loss = item(camoxpert_loss(out, target(), weights, &values).value());
  REQUIRE(values.size() == loss_terms().size() + 1);
  double sum = value(values, "aux");
  CHECK(sum == 0.25);
  for (const LossTerm& term : loss_terms()) {
    CHECK(value(values, term.name) == item(term.value(out, target()).value()));
    sum += weights[term.name] * value(values, term.name);
  }
  CHECK(loss == doctest::Approx(sum).epsilon(1e-12));
}

TEST_CASE("a term is not computed if its weight is 0 or if the network does not return its map") {
  CamoXpertOut out = noise();
  LossValues values;
  LossWeights only_dice = nothing();
  only_dice["dice"] = 2;
  out.aux_loss = {};
  CHECK(item(camoxpert_loss(out, target(), only_dice, &values).value()) ==
        doctest::Approx(2 * item(nn::dice_loss(out.logits, target()).value())));
  CHECK(values.size() == 1);

  CamoXpertOut bare;
  bare.logits = out.logits;
  LossWeights all;
  values.clear();
  CHECK(item(camoxpert_loss(bare, target(), all, &values).value()) ==
        doctest::Approx(item(nn::structure_loss(out.logits, target()).value())));
  CHECK(values.size() == 1);
  CHECK_THROWS_WITH_AS(camoxpert_loss(bare, target(), nothing()), doctest::Contains("weight 0"), ConfigError);
}

TEST_CASE("other maps are compared with the target, padded with background and averaged down to their size") {
  CamoXpertOut out = noise();
  LossValues values;
  camoxpert_loss(out, target(), {}, &values);
  Tensor whole = pad(target(), {{0, 0}, {0, 24}, {0, 14}, {0, 0}});
  auto side = [&](const Var& map, int64_t window) {
    return item(nn::structure_loss(map, adaptive_avg_pool(whole, map.dim(1), map.dim(2)), window).value());
  };
  CHECK(value(values, "deep") == doctest::Approx(side(out.deep[0], 5) + side(out.deep[1], 3)));
  CHECK(value(values, "search") == doctest::Approx(side(out.search, 3)));
  CHECK(value(values, "reverse") == doctest::Approx(side(out.reverse, 9)));
  CHECK(value(values, "refinement") ==
        doctest::Approx((side(out.steps[0], 9) + 2 * side(out.steps[1], 9) + 3 * side(out.steps[2], 9)) / 6));
  CHECK(value(values, "uncertainty") ==
        item(nn::uncertainty_loss(out.steps[0], out.uncertainty, adaptive_avg_pool(whole, 16, 16)).value()));
}

TEST_CASE("the gradients of the whole loss equal finite differences") {
  CamoXpertOut out = noise();
  LossWeights weights;
  for (const LossTerm& term : loss_terms()) weights[term.name] = 0.5;
  Vars leaves = {out.deep[1], out.search, out.aux_loss};
  CHECK(test::gradient_error([&] { return camoxpert_loss(out, target(), weights); }, leaves) < 1e-6);
}
