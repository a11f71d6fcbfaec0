// Checks of a whole network: all its layers, its output, its attentions; and the checks during training.
#include <algorithm>
#include <map>

#include "autograd/ops.h"
#include "moe/verify/checks.h"
#include "moe/verify/survey.h"

namespace camo::moe::checks {
namespace {

bool fails(const std::vector<Check>& checks, const std::string& name, const std::string& where = "") {
  return std::any_of(checks.begin(), checks.end(), [&](const Check& c) {
    return c.verdict == Verdict::failed && (name.empty() || c.name == name) && (where.empty() || c.where == where);
  });
}

/// Records the input of each mixture.
struct Inputs : Listener {
  using Listener::Listener;
  std::map<const Moe*, Tensor> of;
  void passed(const Moe& layer, const Var& x, const MoeOut&) override { of[&layer] = x.value(); }
};

/// Adds to each layer's gate check whether a gradient of the network's output reaches the gate.
void reach_gates(const Subject& s, const std::vector<Moe*>& layers, std::vector<Check>& checks) {
  nn::zero_grad(s.network);
  Var y = s.forward(Var(s.images));
  if (y.wants_grad()) backward(y, randn(y.shape(), 7).to(y.device()));
  for (const Moe* layer : layers) {
    double square = 0;
    for (const nn::Parameter& p : layer->router.named_parameters())
      if (p.var.grad().defined()) square += sum_of_squares(p.var.grad());
    for (Check& c : checks) {
      if (c.name != "gate" || c.where != layer->path() || c.verdict != Verdict::passed) continue;
      c.sentence += text("; norm ", std::sqrt(square), " from the network's output");
      if (!(square > 0) || !std::isfinite(square))
        c.verdict = Verdict::failed, c.sentence = "no finite gradient of the network's output reaches the gate";
    }
  }
  nn::zero_grad(s.network);
}

Check mates_check(const Subject& s) {
  NoGrad no_grad;
  const Tensor together = s.forward(Var(s.images)).value();
  double worst = 0;
  for (int64_t b = 0; b < s.images.dim(0); ++b)
    worst = std::max(worst, relative_error(s.forward(Var(s.images.slice(b, b + 1))).value(), together.slice(b, b + 1)));
  return within("batch", "network", worst, kRounding, "logits of each image alone and among others");
}

/// Describes a non-finite number, or returns ""; throws for other errors.
std::string flaw_in_passing(const Moe& layer, const Var& x, const MoeOut& out) {
  const int64_t B = x.dim(0), R = out.route.expert.dim(0);
  if (B == 0) return "";
  auto image = [&](int64_t b) { return text(layer.path(), ", image ", b, " of the batch"); };
  const Flaw f = flaw(out.route, layer.router.experts);
  if (f.row >= 0 && !f.finite) return text("finite: ", image(f.row * B / R), " has ", f.what);
  check<VerifyError>(f.row < 0, "weights: ", image(f.row * B / R), " has ", f.what, " [camo verify]");
  if (all_finite(out.y.value())) return "";
  int64_t b = 0;
  while (b + 1 < B && all_finite(out.y.value().slice(b, b + 1))) ++b;
  return text("finite: ", image(b), " comes out with NaN or infinity");
}

}  // namespace
}  // namespace camo::moe::checks

namespace camo::moe {

std::vector<Check> verify(const Subject& s, const Survey* survey, const HeldOut* held_out) {
  check(s.images.rank() == 4 && s.images.dim(0) >= 2, "verify: needs two images and more, got ", s.images.shape());
  const bool training = s.network.state().training;
  s.network.train(false);
  const std::vector<Moe*> layers = mixtures(s.network);
  std::vector<Check> out;
  std::vector<debug::AttentionSizes> attentions;
  std::map<const Moe*, Tensor> x;
  {
    NoGrad no_grad;
    debug::NoteAttention note;
    checks::Inputs inputs(s.network);
    s.forward(Var(s.images));
    x = inputs.of;
    attentions = {note.sizes().begin(), note.sizes().end()};
  }
  for (Moe* layer : layers) {
    check(x.contains(layer), "verify: the forward pass does not reach ", layer->path());
    for (Check& c : verify_layer(*layer, x.at(layer))) out.push_back(std::move(c));
  }
  checks::reach_gates(s, layers, out);
  if (layers.empty())
    out.push_back(
        checks::skipped("weights", "network", "has no mixture: the checks of routing have nothing to look at"));
  if (checks::fails(out, "dispatch") || checks::fails(out, "output"))
    out.push_back(checks::skipped("batch", "network", "dispatch or output fails: there is nothing to compare"));
  else out.push_back(checks::guarded("batch", "network", [&] { return checks::mates_check(s); }));
  for (const debug::AttentionSizes& sizes : attentions)
    for (DType dtype : {DType::f32, DType::bf16}) out.push_back(verify_attention(sizes, dtype, s.images.device()));
  if (attentions.empty())
    out.push_back(checks::skipped("flash", "network",
                                  uses_plain_attention() ? "attention is plain here" : "has no such attention"));

  std::vector<Check> of_many;
  for (const char* name : {"trained", "usage", "domination", "content", "task"})
    if (!layers.empty() && !(std::string(name) == "task" ? bool(held_out) : bool(survey)))
      out.push_back(checks::skipped(name, "network",
                                    survey && !survey->trained ? "the network is fresh" : "needs data [--data]"));
  if (survey) of_many = verify_survey(*survey);
  if (held_out)
    for (Check& c : verify_task(s.network, *held_out)) of_many.push_back(std::move(c));
  for (Check& c : of_many)
    if (checks::fails(out, "", c.where))
      c = checks::skipped(c.name.c_str(), c.where, "another check fails here: its numbers mean nothing");
  out.insert(out.end(), of_many.begin(), of_many.end());
  s.network.train(training);
  return out;
}

std::vector<std::string> failed(const std::vector<Check>& checks) {
  std::vector<std::string> out;
  for (const Check& c : checks)
    if (c.verdict == Verdict::failed && std::find(out.begin(), out.end(), c.name) == out.end()) out.push_back(c.name);
  return out;
}

void Guard::passed(const Moe& layer, const Var& x, const MoeOut& out) {
  std::string found = checks::flaw_in_passing(layer, x, out);
  if (not_finite_.empty()) not_finite_ = std::move(found);
}

}  // namespace camo::moe
