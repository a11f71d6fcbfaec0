#include "examples/camo/run/learner.h"

#include <cmath>

#include "autograd/debug.h"
#include "autograd/profile.h"
#include "examples/camo/run/stages.h"
#include "examples/camo/run/start_weights.h"
#include "moe/loss.h"
#include "moe/verify/survey.h"
#include "moe/verify/verify.h"

namespace camo::program {

Learner::Learner(const TrainConfig& c, bool fresh)
    : precision_(precision(c)),
      verify_every_(c.verify_every),
      model_(make_model(c)),
      weights_report_(fresh ? load_start_weights(*model_, c) : ""),
      optimizer_(*model_) {
  enter(stages_of(c)[0], /*epoch=*/0, /*begins=*/true);
  if (fresh) first_gates_ = moe::gates(*model_);
}

void Learner::enter(const TrainConfig& stage, int64_t epoch, bool begins) {
  freeze_for(*model_, stage, epoch);
  loss_weights_ = loss_weights(stage.loss);
  optimizer_.configure({.decay = stage.weight_decay, .clip = stage.clip, .groups = rate_groups(*model_, stage)});
  if (stage.ema_decay == 0) ema_.reset();
  else if (begins || !ema_) ema_.emplace(*model_, stage.ema_decay);
}

/// Adds share * the gradient of the loss of one batch; returns share * loss.
double Learner::pass(const Sample& batch, double share, StepReport* report) {
  model_->state().next_micro_step();
  const Device device = model_->state().device;
  const Tensor image = batch.image.to(device);
  std::optional<debug::Section> part("forward");
  moe::CamoXpertOut out = model_->forward(Var(precision_ == DType::f32 ? image : cast(image, precision_)));
  part.emplace("loss");
  moe::LossValues values;
  Var loss = moe::camoxpert_loss(out, batch.mask.to(device), loss_weights_, report ? &values : nullptr);
  part.reset();
  const int64_t kept = report ? debug::bytes_kept(loss) : 0;
  part.emplace("backward");
  backward(loss, full(loss.shape(), share, loss.dtype(), device));
  part.reset();
  if (report) {
    std::vector<Tensor> each;  // read from the device at once
    for (const auto& [name, value] : values) each.push_back(value.reshape({1}));
    const std::vector<double> terms = to_vector<double>(concat(each, 0));
    report->terms.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string& name = values[i].first;
      report->terms[i].first = name;
      report->terms[i].second += share * terms[i] * (name == "aux" ? 1 : loss_weights_[name]);
    }
    report->bytes_kept = kept;
    report->load.resize(out.stats.size()), report->auxiliary.resize(out.stats.size());
    for (size_t s = 0; s < out.stats.size(); ++s) {
      report->load[s].resize(out.stats[s].load.size());
      for (size_t e = 0; e < report->load[s].size(); ++e) report->load[s][e] += double(out.stats[s].load[e]);
      report->auxiliary[s] += share * item(out.stats[s].auxiliary);
    }
  }
  return share * item(loss.value());
}

StepReport Learner::step(std::vector<Sample>& batches, double rate, const BeforePass& before) {
  StepReport report;
  model_->train();
  const int64_t first = model_->state().micro_step;
  std::optional<moe::Guard> guard;
  if (verify_every_ > 0 && first % verify_every_ < int64_t(batches.size())) guard.emplace(*model_);
  for (Sample& batch : batches) {
    if (before) before(model_->state().micro_step, batch);
    report.loss += pass(batch, 1 / double(batches.size()), &report);
  }
  const std::string spoilt = guard ? guard->not_finite() : "";
  guard.reset();
  std::string bad_parameter;
  report.accepted = std::isfinite(report.loss) && spoilt.empty();
  if (report.accepted) {
    gradients_.observe(*model_);
    std::optional<debug::Section> part("optimizer");
    nn::StepResult result = optimizer_.step(rate);
    part.reset();
    report.accepted = result.accepted, report.grad_norm = result.grad_norm, bad_parameter = result.non_finite;
  }
  if (report.accepted) {
    nn::commit(*model_);
    if (ema_) ema_->update();
  } else {
    report.culprit = find_culprit(batches, first);
    if (report.culprit.empty() && !bad_parameter.empty()) report.culprit = "the gradient of " + bad_parameter;
    if (!spoilt.empty()) report.culprit += (report.culprit.empty() ? "" : "; ") + spoilt;
  }
  return report;
}

std::string Learner::find_culprit(const std::vector<Sample>& batches, int64_t first) {
  nn::zero_grad(*model_);
  nn::discard(*model_);
  const int64_t now = model_->state().micro_step;
  model_->state().micro_step = first;  // so that the same random numbers are drawn
  std::string found;
  try {
    debug::FindNan watch;
    for (const Sample& batch : batches) pass(batch, 1 / double(batches.size()), nullptr);
  } catch (const NumericError& e) {
    found = e.what();
  }
  nn::zero_grad(*model_);
  nn::discard(*model_);
  model_->state().micro_step = now;
  return found;
}

void Learner::save(Checkpoint& c, Position& p, bool with_optimizer) const {
  c.model = nn::state_dict(*model_);
  if (ema_) c.ema = ema_->state();
  if (with_optimizer) c.optimizer = optimizer_.state();
  c.first_gates = first_gates_;
  p.micro_step = model_->state().micro_step;
  p.ema_updates = ema_ ? ema_->updates() : 0;
}

void Learner::load(const Checkpoint& c, const Position& p) {
  nn::load_state_dict(*model_, c.model);
  optimizer_.load_state(c.optimizer);
  first_gates_ = c.first_gates;
  if (ema_ && !c.ema.empty()) ema_->load_state(c.ema, p.ema_updates);
  model_->state().micro_step = p.micro_step;
}

}  // namespace camo::program
