// Checks of one layer.  The references are plain: loops over rows, and finite differences.
#include <algorithm>
#include <set>

#include "moe/verify/checks.h"
#include "nn/checking/in_double.h"

namespace camo::moe::checks {

Flaw flaw(const Route& route, int64_t experts) {
  const int64_t R = route.expert.dim(0), K = route.expert.dim(1);
  std::vector<int64_t> e = to_vector<int64_t>(route.expert);
  std::vector<double> w = to_vector<double>(route.weight.value());
  Flaw out;
  auto found = [&](int64_t row, std::string what) {
    if (out.row < 0) out.row = row, out.what = std::move(what);
  };
  for (int64_t r = 0; r < R; ++r) {
    double sum = 0;
    for (int64_t k = r * K; k < (r + 1) * K; ++k) {
      sum += w[k];
      if (!(w[k] >= 0)) found(r, text("weight ", w[k], " of expert ", e[k]));
      if (e[k] < 0 || e[k] >= experts) found(r, text("choice ", e[k], " of ", experts, " experts"));
      for (int64_t j = r * K; j < k; ++j)
        if (e[j] == e[k]) found(r, text("expert ", e[k], " chosen twice"));
    }
    out.finite = out.finite && std::isfinite(sum);
    const double off = std::isfinite(sum) ? std::abs(sum - 1) : INFINITY;
    out.worst_sum = std::max(out.worst_sum, off);
    if (off > 1e-5) found(r, text("weights that sum to ", sum));
  }
  if (!all_finite(route.logits.value())) {  // also one of an expert that is not chosen: the next step may choose it
    const std::vector<double> z = to_vector<double>(route.logits.value());
    const auto bad = std::find_if(z.begin(), z.end(), [](double v) { return !std::isfinite(v); });
    found((bad - z.begin()) / experts, text("logit ", *bad, " of expert ", (bad - z.begin()) % experts));
    out.finite = false;
  }
  return out;
}

namespace {

constexpr double kGradient = 1e-6;  // of fourth-order differences in f64
constexpr int64_t kDirections = 4;  // directions along which the gate's gradient is checked

/// Puts the layer into evaluation mode for its lifetime; drops what was staged.
class AtRest {
 public:
  explicit AtRest(Moe& layer) : layer_(layer), training_(layer.state().training) { layer.train(false); }
  ~AtRest() {
    layer_.train(training_);
    nn::discard(layer_);
    nn::zero_grad(layer_);
  }

 private:
  Moe& layer_;
  bool training_;
};

// ---- weights ----------------------------------------------------------------------------------------------

Check weights_check(Moe& layer, const Var& rows) {
  NoGrad no_grad;
  Flaw f = flaw(layer.choose(rows), layer.router.experts);
  Check c = within("weights", layer.path(), f.worst_sum, 1e-5,
                   text(rows.dim(0), " rows: weights sum to 1, none negative; choices distinct and in range"));
  if (f.row >= 0) c.verdict = Verdict::failed, c.sentence = text("row ", f.row, " has ", f.what);
  return c;
}

// ---- output -----------------------------------------------------------------------------------------------

/// What the experts add, |y - x|, against |x|.
Check output_check(Moe& layer, const Tensor& x) {
  constexpr double kMost = 1e3, kLeast = 1e-6;
  NoGrad no_grad;
  const Tensor y = layer.forward(Var(x)).y.value();
  const double size = norm(x), added = norm(y - x) / size;
  Check c = within("output", layer.path(), added, kMost, "what the experts add, against their input; finite, not zero");
  auto fails = [&](const std::string& why) { c.verdict = Verdict::failed, c.sentence = why; };
  if (!all_finite(y)) fails("the output holds NaN or infinity");
  else if (added > kMost) fails("what the experts add is extreme against their input");
  else if (added < kLeast) fails("the experts add nothing");
  else if (norm(y) < kLeast * size) fails("the output is zero: the experts cancel their input");
  return c;
}

// ---- gate -------------------------------------------------------------------------------------------------

/// Derivatives of sum(y * projection) along random directions of the router's parameters, by backward and by
/// finite differences.
Check gate_check(Moe& layer, const Tensor& x32) {
  nn::InDouble in_double(layer);
  const Tensor x = cast(x32, DType::f64), projection = randn(x.shape(), 3, DType::f64).to(x.device());
  MoeOut out = layer.forward(Var(x));
  if (out.y.wants_grad()) backward(out.y, projection);
  std::vector<nn::Parameter> gate = layer.router.named_parameters();
  double error = 0, size = 0, gradient = 0;
  for (const nn::Parameter& p : gate)
    if (p.var.grad().defined()) gradient += sum_of_squares(p.var.grad());
  NoGrad no_grad;
  for (int64_t d = 0; d < kDirections; ++d) {
    double slope = 0;
    std::vector<Tensor> start, direction;
    for (const nn::Parameter& p : gate) {
      const Tensor value = p.var.value();
      const double unit = norm(value) / std::sqrt(double(std::max<int64_t>(value.numel(), 1))) + 1e-3;
      start.push_back(value.clone());
      direction.push_back(randn(value.shape(), hash(p.name) + uint64_t(d), DType::f64).to(x.device()) * unit);
      if (p.var.grad().defined()) slope += item(sum(p.var.grad() * direction.back()));
    }
    bool tipped = false;
    auto value_at = [&](double h) {
      for (size_t i = 0; i < gate.size(); ++i) copy_into(gate[i].var.value(), start[i] + direction[i] * h);
      MoeOut moved = layer.forward(Var(x));
      tipped |= !equal_bits(moved.route.expert, out.route.expert);
      return item(sum(moved.y.value() * projection));
    };
    auto rise = [&](double h) { return (value_at(h) - value_at(-h)) / (2 * h); };
    double difference = 0, h = 1e-4;
    do {  // if the step changes a choice, the difference measures the jump: try another
      tipped = false;
      difference = (4 * rise(h) - rise(2 * h)) / 3;
    } while (tipped && (h /= 8) > 1e-9);
    for (size_t i = 0; i < gate.size(); ++i) copy_into(gate[i].var.value(), start[i]);
    error += std::pow(slope - difference, 2), size += std::pow(std::max(std::abs(slope), std::abs(difference)), 2);
  }
  if (layer.router.chosen == 1 && size < 1e-20)
    return skipped("gate", layer.path(),
                   "one expert is chosen: its weight is 1, and the task's loss cannot train the gate");
  Check c = within("gate", layer.path(), size > 0 ? std::sqrt(error / size) : 1, kGradient,
                   text("slope in ", kDirections, " directions, backward against differences"));
  if (!(gradient > 0))
    c.verdict = Verdict::failed, c.sentence = "no gradient reaches the gate: its weights are constants";
  return c;
}

// ---- batch, spatial ---------------------------------------------------------------------------------------

/// Compares routes and experts' results of each image alone with those in the batch.
Check batch_check(Moe& layer, const Var& rows, int64_t B) {
  NoGrad no_grad;
  const int64_t n = rows.dim(0) / B, E = layer.router.experts;
  const Route route = layer.choose(rows);
  const std::vector<double> weights = weights_by_expert(route, E);
  double of_router = 0, of_experts = 0;
  std::string worst = "the router's result";
  std::vector<Tensor> results;
  for (int64_t e = 0; e < E; ++e) results.push_back(layer.experts->one(e, rows).value());
  for (int64_t b = 0; b < B; ++b) {
    Var own = rows_slice(rows, b * n, (b + 1) * n);
    of_router = std::max(of_router, largest_difference(weights_by_expert(layer.choose(own), E), &weights[b * n * E]));
    for (int64_t e = 0; e < E; ++e) {
      const double error = relative_error(layer.experts->one(e, own).value(), results[e].slice(b * n, (b + 1) * n));
      if (error > std::max(of_experts, of_router)) worst = text("expert ", layer.experts->names[e]);
      of_experts = std::max(of_experts, error);
    }
  }
  const double measured = std::max(of_router, of_experts);
  return within("batch", layer.path(), measured, kRounding,
                measured <= kRounding ? "the router and every expert, an image alone and among others"
                                      : text(worst, " depends on who else is in the batch"));
}

/// Compares the rows of one image, each routed alone and with the others.
Check spatial_check(Moe& layer, const Var& rows, int64_t B) {
  if (layer.routing == Routing::image) return skipped("spatial", layer.path(), "routes whole images");
  NoGrad no_grad;
  const int64_t n = rows.dim(0) / B, E = layer.router.experts, step = std::max<int64_t>(1, n / 32);
  Var first = rows_slice(rows, 0, n);
  const Route route = layer.choose(first);
  const std::vector<double> weights = weights_by_expert(route, E);
  const std::vector<int64_t> expert = to_vector<int64_t>(route.expert);
  std::set<std::vector<int64_t>> choices;
  int64_t looked = 0, other = 0;
  for (int64_t r = 0; r < n; r += step, ++looked) {
    other += largest_difference(weights_by_expert(layer.choose(rows_slice(first, r, r + 1)), E), &weights[r * E]) >
             kRounding;
    choices.insert({&expert[r * layer.router.chosen], &expert[(r + 1) * layer.router.chosen]});
  }
  const char* unit = layer.routing == Routing::tile ? "tiles" : "pixels";
  return within(
      "spatial", layer.path(), double(other) / double(looked), 0,
      other ? text(other, " of ", looked, " ", unit, " go elsewhere once their neighbours are gone")
            : text(looked, " ", unit, " of a picture make ", choices.size(), " different choices, each its own"));
}

}  // namespace
}  // namespace camo::moe::checks

namespace camo::moe {

std::vector<Check> verify_layer(Moe& layer, const Tensor& x) {
  const int64_t B = x.dim(0);
  check(B >= 2, "verify_layer: needs two images and more, got x ", x.shape());
  checks::AtRest at_rest(layer);
  // A loop over all pixels of a large map would take minutes, so only a corner is checked.
  Tensor corner = x;
  if (layer.routing == Routing::pixel)
    for (int axis : {1, 2}) corner = slice(corner, axis, 0, std::min<int64_t>(corner.dim(axis), 6));
  const Var rows = layer.rows(Var(x));
  const std::string where = layer.path();
  std::vector<Check> out;
  auto add_check = [&](const char* name, const std::function<Check()>& f) {
    out.push_back(checks::guarded(name, where, f));
  };
  add_check("weights", [&] { return checks::weights_check(layer, rows); });
  add_check("output", [&] { return checks::output_check(layer, x); });
  const bool degenerate = out.back().verdict == Verdict::failed;
  /// The checks that compare outputs or gradients.
  auto compare = [&](const char* name, const std::function<Check()>& f) {
    if (degenerate) out.push_back(checks::skipped(name, where, "output fails here: there is nothing to compare"));
    else add_check(name, f);
  };
  compare("gate", [&] { return checks::gate_check(layer, corner); });
  compare("batch", [&] { return checks::batch_check(layer, rows, B); });
  const bool together = out.back().verdict == Verdict::failed;
  add_check("spatial", [&] { return checks::spatial_check(layer, rows, B); });
  compare("dispatch", [&] {
    return together
               ? checks::skipped("dispatch", where, "batch fails here: single rows give other results than the batch")
               : checks::dispatch_check(layer, corner);
  });
  add_check("balance", [&] { return checks::balance_check(layer, rows, B); });
  return out;
}

}  // namespace camo::moe
