#include "examples/camo/run/learner.h"

#include <algorithm>
#include <cmath>

#include "autograd/debug.h"
#include "autograd/observer.h"
#include "autograd/profile.h"
#include "examples/camo/run/stages.h"
#include "examples/camo/trained/start_weights.h"
#include "moe/loss.h"
#include "moe/verify/survey.h"
#include "moe/verify/verify.h"
#include "tensor/pack.h"

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

void Learner::share(Processes& all) {
  if (all.count() == 1) return;
  shared_ = std::make_unique<nn::SharedStep>(*model_, all);
  optimizer_.share(shared_.get());
}

/// Adds share * the gradient of the loss of one batch; returns share * loss.
double Learner::pass(const Sample& batch, double share, PassReport* report) {
  model_->state().next_micro_step();
  const Device device = model_->state().device;
  const Tensor image = batch.image.to(device);
  std::optional<debug::Section> part("forward");
  moe::CamoXpertOut out = model_->forward(Var(precision_ == DType::f32 ? image : cast(image, precision_)));
  part.emplace("loss");
  moe::LossValues values;
  Var loss = moe::camoxpert_loss(out, batch.mask.to(device), loss_weights_, report ? &values : nullptr);
  part.reset();
  if (report) report->bytes_kept = debug::bytes_kept(loss);
  part.emplace("backward");
  if (shared_ && report) shared_->watch(loss);
  backward(loss, full(loss.shape(), share, loss.dtype(), device));
  part.reset();
  const double shared_loss = share * item(loss.value());
  if (!report) return shared_loss;
  report->loss = shared_loss;
  std::vector<Tensor> each;  // read from the device at once
  for (const auto& [name, value] : values) each.push_back(value.reshape({1}));
  const std::vector<double> terms = to_vector<double>(concat(each, 0));
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string& name = values[i].first;
    report->terms.emplace_back(name, share * terms[i] * (name == "aux" ? 1 : loss_weights_[name]));
  }
  for (const moe::MoeStats& stats : out.stats) {
    report->load.emplace_back(stats.load.begin(), stats.load.end());
    report->auxiliary.push_back(share * item(stats.auxiliary));
  }
  return shared_loss;
}

/// Runs this process's batches of a step.  Returns what a guard has found in them, "" for nothing.
std::string Learner::passes(std::vector<Sample>& batches, int64_t all, const BeforePass& before,
                            std::vector<PassReport>* reports) {
  const int64_t first = model_->state().micro_step;
  std::optional<moe::Guard> guard;
  if (verify_every_ > 0 && first % verify_every_ < all) guard.emplace(*model_);
  const auto run = [&](Sample& batch) {
    if (before) before(model_->state().micro_step, batch);
    pass(batch, 1 / double(all), &reports->emplace_back());
  };
  if (shared_) {
    const Processes& processes = shared_->processes();
    for (int64_t begin = 0, k = 0; begin < all; begin += processes.count(), ++k) {
      shared_->begin_round(std::min<int64_t>(processes.count(), all - begin));
      model_->state().micro_step = first + turn(processes, k);
      if (turn(processes, k) < all) {
        run(batches.at(size_t(k)));
        reports->back().measures = nn::take_measures(*model_);
      }
      shared_->end_round();
    }
    shared_->give();
    model_->state().micro_step = first + all;
  } else {
    for (Sample& batch : batches) {
      run(batch);
      if (all > 1) sum_.add(*model_);
    }
    if (all > 1) sum_.give(*model_);
  }
  return guard ? guard->not_finite() : "";
}

/// Every process gets the reports of all micro-batches in their order.
void Learner::exchange(StepReport& report, std::vector<PassReport>& reports, std::string* spoilt,
                       const std::string& note, int64_t all) {
  if (!shared_) return void(report.notes = {note});
  std::string mine;
  pack(mine, std::string_view(note)), pack(mine, std::string_view(*spoilt));
  for (const PassReport& r : reports) pack_report(mine, r);
  const std::vector<std::string> words = gather(shared_->processes(), mine);
  std::vector<std::string_view> left(words.begin(), words.end());
  spoilt->clear();
  for (std::string_view& of : left) {
    report.notes.push_back(unpack_text(of));
    const std::string found = unpack_text(of);
    if (spoilt->empty()) *spoilt = found;
  }
  reports.clear();
  for (int64_t i = 0; i < all; ++i) reports.push_back(unpack_report(left[size_t(i) % left.size()]));
  std::vector<nn::Measures> measures;
  for (PassReport& r : reports) measures.push_back(std::move(r.measures));
  nn::fold_measures(*model_, measures);
}

namespace {

/// Tells the other processes between two ops that this one is at work: they may have to wait for a long pass.
struct SayAtWork : Observer {
  void forward(const OpRun&) override { at_work(); }
  void backward(const Node&) override { at_work(); }
};

}  // namespace

StepReport Learner::step(std::vector<Sample>& batches, double rate, const BeforePass& before, int64_t all,
                         const std::function<std::string()>& note) {
  StepReport report;
  std::optional<SayAtWork> words;
  if (shared_) words.emplace();
  if (all == 0) all = int64_t(batches.size());
  model_->train();
  const int64_t first = model_->state().micro_step;
  std::vector<PassReport> reports;
  std::string spoilt = passes(batches, all, before, &reports), bad_parameter;
  exchange(report, reports, &spoilt, note ? note() : "", all);
  for (const PassReport& r : reports) add(report, r);
  report.accepted = std::isfinite(report.loss) && spoilt.empty();
  if (report.accepted) {
    std::optional<debug::Section> part("optimizer");
    nn::StepResult result = optimizer_.step(rate);
    part.reset();
    gradients_.observe(result.reached);
    report.accepted = result.accepted, report.grad_norm = result.grad_norm, bad_parameter = result.non_finite;
  }
  if (report.accepted) {
    nn::commit(*model_);
    if (ema_) ema_->update();
  } else {
    report.culprit = find_culprit(batches, first, all);
    if (report.culprit.empty() && !bad_parameter.empty()) report.culprit = "the gradient of " + bad_parameter;
    if (!spoilt.empty()) report.culprit += (report.culprit.empty() ? "" : "; ") + spoilt;
  }
  return report;
}

/// The first batch of a step, in their order, that gives NaN or infinity, and where.
std::string Learner::find_culprit(const std::vector<Sample>& batches, int64_t first, int64_t all) {
  nn::zero_grad(*model_);
  nn::discard(*model_);
  const int64_t now = model_->state().micro_step;
  std::string found, number;
  for (size_t k = 0; k < batches.size() && found.empty(); ++k) {
    const int64_t i = shared_ ? turn(shared_->processes(), int64_t(k)) : int64_t(k);
    model_->state().micro_step = first + i;  // so that the same random numbers are drawn
    try {
      debug::FindNan watch;
      pass(batches[k], 1 / double(all), nullptr);
    } catch (const NumericError& e) {
      found = e.what(), pack(number, i);
    }
  }
  nn::zero_grad(*model_);
  nn::discard(*model_);
  nn::take_measures(*model_);
  model_->state().micro_step = now;
  if (!shared_) return found;
  int64_t least = INT64_MAX;
  for (const std::string& words : gather(shared_->processes(), number + found)) {
    std::string_view left = words;
    if (left.empty()) continue;
    if (const int64_t i = unpack_integer(left); i < least) least = i, found = left;
  }
  return found;
}

uint64_t Learner::digest() const {
  std::string bytes;
  for (const nn::NamedTensors& part : {nn::state_dict(*model_), ema_ ? ema_->state() : nn::NamedTensors{}})
    for (const auto& [name, t] : part) {
      const Tensor here = t.to(Device{});
      pack(bytes, int64_t(hash({static_cast<const char*>(here.raw()), size_t(here.bytes())})));
    }
  return hash(bytes);
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
