#include "examples/camo/run/trainer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/camo/data/augment.h"
#include "examples/camo/options/format.h"
#include "examples/camo/run/process_memory.h"
#include "examples/camo/run/progress.h"
#include "examples/camo/run/run_record.h"
#include "examples/camo/run/schedule.h"
#include "examples/camo/run/signals.h"
#include "examples/camo/run/tables.h"
#include "examples/camo/run/weights_file.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr size_t kGridRows = 6;  // pictures in grid.png

class Trainer {
 public:
  /// saved: the checkpoint to continue from.
  Trainer(TrainConfig config, std::unique_ptr<Learner> learner, Splits data, RunFolder folder, const Hooks& hooks,
          SignalGuard& signals, const std::optional<Checkpoint>& saved = {});
  Outcome run();

 private:
  bool train_epoch();
  std::vector<Sample> next_batches(Loader<RawSample>& loader) const;
  void count(const StepReport& report, int64_t batches);
  bool validate();
  void finish_epoch();
  bool save_best();
  Checkpoint checkpoint(bool with_optimizer);
  Outcome stopped();
  void save_now();
  void report_start();
  void report_experts();
  RunRecord::Machine machine() const;
  void report_unreached();

  const TrainConfig config_;
  const Splits data_;
  const Schedule schedule_;
  const std::unique_ptr<Learner> learner_;
  const Hooks& hooks_;
  SignalGuard& signals_;
  Position position_;
  Scores scores_;  // of the last validation
  Progress progress_;
  RunRecord record_;
  debug::Profile profile_;
  std::chrono::steady_clock::time_point epoch_begin_ = std::chrono::steady_clock::now();
  int64_t steps_ = 0;                       // optimizer steps of this process in this epoch
  int64_t images_ = 0;                      // images that this process has trained on
  std::vector<RunRecord::GridRow> grid_{};  // of the last validation
};

/// Loads the checkpoint into the learner; returns its position.
Position restored(Learner& learner, const Splits& data, const TrainConfig& config, const Checkpoint& saved) {
  const Position out = about_file(run_file(config.out, RunFile::last), [&] { return position_of(saved.state); });
  learner.load(saved, out);
  check<DataError>(out.data == digest(data.train), config.data, config.reading.images,
                   ": is not the data that the run began with (", data.train.size(), " training photographs now)");
  return out;
}

Trainer::Trainer(TrainConfig config, std::unique_ptr<Learner> learner, Splits data, RunFolder folder,
                 const Hooks& hooks, SignalGuard& signals, const std::optional<Checkpoint>& saved)
    : config_(std::move(config)),
      data_(std::move(data)),
      schedule_(config_, data_.train.size()),
      learner_(std::move(learner)),
      hooks_(hooks),
      signals_(signals),
      position_(saved ? restored(*learner_, data_, config_, *saved) : Position{.data = digest(data_.train)}),
      progress_(config_.epochs, schedule_.steps, position_.step, config_.device),
      record_(std::move(folder), [this](const std::string& words) { progress_.line(words); }),
      profile_(config_.device, config_.profile) {
  record_.write_config(config_);
  const RouterSettings router = router_settings(config_);
  for (moe::Moe* layer : moe::mixtures(learner_->model())) {
    auto steps = [&](double epochs) { return int64_t(std::llround(epochs * double(schedule_.steps_per_epoch))); };
    if (router.warmup_epochs > 0) layer->router.config.warmup = steps(router.warmup_epochs);
    if (router.delay_epochs > 0) layer->router.config.delay = steps(router.delay_epochs);
  }
  if (saved) record_.trim_metrics(position_.epoch);
}

Outcome Trainer::run() {
  record_.check_disk(learner_->model().parameter_count(), /*only_warn=*/position_.step > 0);
  report_start();
  while (position_.epoch < config_.epochs) {
    if (!train_epoch() || !validate()) return stopped();
    finish_epoch();
    if (signals_.caught() && position_.epoch < config_.epochs) return stopped();
  }
  record_.check_last_save();
  if (data_.validation.size() > 0)
    progress_.line(text("best IoU ", fixed(position_.best_iou, 4), " in epoch ", position_.best_epoch, ": ",
                        record_.folder().file(RunFile::best)));
  return {0, position_.best_iou, position_.best_epoch, scores_};
}

/// Trains the rest of the current epoch; false if a signal came.
bool Trainer::train_epoch() {
  const int64_t epoch = position_.epoch, size = schedule_.batch_size;
  const std::vector<int64_t> order = shuffled(data_.train.size(), uint64_t(config_.seed), epoch);
  Loader<RawSample> loader(
      [this, epoch](int64_t i) {
        RandomKey key{
            .seed = uint64_t(config_.seed), .domain = Domain::augment, .path = uint64_t(i), .step = uint32_t(epoch)};
        return cut(data_.train.load(i, epoch), config_.size, config_.augment ? draw(key) : Augmentation{});
      },
      {order.begin() + position_.batch * size, order.begin() + schedule_.batches * size}, config_.workers, 2 * size);

  while (position_.batch < schedule_.batches) {
    std::optional<debug::Section> part("data");
    std::vector<Sample> batches = next_batches(loader);
    part.reset();
    const double rate = schedule_.rate(position_.step);
    count(learner_->step(batches, rate, hooks_.before_pass), int64_t(batches.size()));
    progress_.step(epoch + 1, position_.step, position_.sums.mean_loss(), rate, images_);
    if (signals_.caught()) return false;
    if (signals_.save_asked()) save_now();
  }
  return true;
}

/// The batches of one optimizer step; fewer at the end of an epoch.
std::vector<Sample> Trainer::next_batches(Loader<RawSample>& loader) const {
  std::vector<Sample> out;
  while (int64_t(out.size()) < config_.accumulate) {
    std::optional<Sample> batch =
        next_batch(loader, schedule_.batch_size, learner_->model().state().device, normalisation(config_));
    if (!batch) break;
    out.push_back(std::move(*batch));
  }
  return out;
}

void Trainer::count(const StepReport& report, int64_t batches) {
  position_.batch += batches, position_.step += 1, ++steps_, images_ += batches * schedule_.batch_size;
  position_.sums.add(report);
  position_.bad_in_a_row = report.accepted ? 0 : position_.bad_in_a_row + 1;
  if (hooks_.after_step) hooks_.after_step(*learner_, report);
  if (report.accepted) return;
  progress_.line(text("warning: step ", position_.step, " skipped, weights unchanged: ", report.culprit));
  check<NumericError>(position_.bad_in_a_row < config_.bad_steps, "train: ", position_.bad_in_a_row,
                      " steps in a row gave NaN or infinity, last in ", report.culprit,
                      " [the last checkpoint is good; try a smaller --lr]");
}

/// Scores the (averaged) weights and keeps some pictures for the grid; false if a signal came.
bool Trainer::validate() {
  progress_.pause();
  debug::Section part("validation");
  moe::CamoXpert& model = learner_->model();
  model.train(false);
  std::optional<nn::UseEma> averaged;
  if (learner_->ema()) averaged.emplace(*learner_->ema());
  std::optional<moe::Surveyor> surveyor;
  if (position_.epoch + 1 == config_.epochs) surveyor.emplace(model);
  grid_.clear();
  scores_ = evaluate(model, data_.validation,
                     {.size = config_.size,
                      .precision = precision(config_),
                      .workers = config_.workers,
                      .normalisation = normalisation(config_)},
                     [&](const ImageResult& image) {
                       if (grid_.size() < kGridRows) grid_.push_back({image.photograph, image.truth, image.map});
                       return signals_.caught() == 0;
                     });
  if (signals_.caught()) return false;
  if (surveyor) record_.draw_routing(surveyor->result(), grid_, model, config_);
  return true;
}

/// Writes metrics first, then weights, then pictures: a run that is killed in between writes the later ones again.
void Trainer::finish_epoch() {
  position_.epoch += 1, position_.batch = 0;
  const RunRecord::Machine machine = this->machine();
  record_.add_epoch(position_, scores_, schedule_.rate(position_.step - 1), machine);
  const double loss = position_.sums.mean_loss();
  std::string words = text("epoch ", position_.epoch, ": loss ", fixed(loss, 4));
  for (const auto& [name, value] : position_.sums.mean_terms()) words += text("  ", name, " ", fixed(value, 4));
  words += text("; ", clock_text(machine.seconds));
  report_experts();
  if (config_.profile) progress_.line(time_table(profile_.parts(), machine.seconds, steps_));
  position_.sums = {};
  const bool best = save_best();
  record_.save_last(checkpoint(/*with_optimizer=*/true));
  record_.draw_epoch(grid_, learner_->model());
  report_unreached();
  if (scores_.images) words += "; validation";
  if (scores_.images)
    for (const ScoreInfo& score : kImageScores) words += text("  ", score.name, " ", fixed(scores_.*score.value, 4));
  progress_.line(words + (best ? "  best so far" : ""));
  progress_.resume();
  profile_.clear(), epoch_begin_ = std::chrono::steady_clock::now(), steps_ = 0;
}

/// Without waiting for it, the times of a GPU's parts mean nothing and are left out.
RunRecord::Machine Trainer::machine() const {
  RunRecord::Machine out{
      .seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - epoch_begin_).count(),
      .images_per_second = progress_.speed(),
      .memory = memory_in_use(config_.device)};
  if (config_.device.kind != Device::cpu && !config_.profile) return out;
  for (const debug::Profile::Part& p : profile_.parts())
    if (p.calls > 0 && !p.path.starts_with("validation/")) out.parts.emplace_back(p.name, p.seconds);
  return out;
}

/// A table of the experts' loads, and warnings.
void Trainer::report_experts() {
  const std::vector<std::vector<double>>& load = position_.sums.load;
  if (load.empty()) return;
  const std::vector<ScaleNames> scales = scale_names(learner_->model());
  const std::vector<std::vector<double>> mean = mean_shares(read_metrics(record_.folder().file(RunFile::metrics)));
  progress_.line(expert_table(scales, load, mean));
  for (const std::string& warning : expert_warnings(scales, load, config_.chosen)) progress_.line(warning);
}

/// Saves the weights with the best IoU; without validation data, the newest.
bool Trainer::save_best() {
  if (scores_.images && scores_.iou <= position_.best_iou) return false;
  const auto before = std::pair(position_.best_iou, position_.best_epoch);
  position_.best_iou = scores_.iou, position_.best_epoch = position_.epoch;
  const bool saved = record_.save_best(checkpoint(/*with_optimizer=*/false));
  if (!saved) std::tie(position_.best_iou, position_.best_epoch) = before;
  return saved;
}

Checkpoint Trainer::checkpoint(bool with_optimizer) {
  Checkpoint c;
  learner_->save(c, position_, with_optimizer);
  c.config = config_;
  c.state = to_json_object(position_);
  return c;
}

/// Saves and goes on.
void Trainer::save_now() {
  record_.save_last(checkpoint(/*with_optimizer=*/true));
  progress_.line(text("saved at step ", position_.step, ", as signal USR1 asks"));
}

/// Saves after a signal.
Outcome Trainer::stopped() {
  record_.save_last(checkpoint(/*with_optimizer=*/true));
  record_.check_last_save();
  progress_.line(text("stopped by signal ", signals_.caught(), " at step ", position_.step, " of ", schedule_.steps,
                      "; saved [camo train --resume ", record_.folder().path(), "]"));
  return {128 + signals_.caught(), position_.best_iou, position_.best_epoch, scores_};
}

/// "1 thread", "2 threads".
std::string counted(int64_t n, const char* what) { return text(n, " ", what, n == 1 ? "" : "s"); }

void Trainer::report_start() {
  moe::CamoXpert& model = learner_->model();
  if (config_.chosen == 1 && !moe::mixtures(model).empty() &&
      router_settings(config_).mixture.balancing != moe::Balancing::auxiliary)
    progress_.line("warning: one chosen expert has weight 1, which teaches its router nothing [--chosen 2]");
  int64_t trainable = 0;
  for (const nn::Parameter& p : model.named_parameters()) trainable += p.frozen ? 0 : p.var.value().numel();
  progress_.line(text(config_.model, " on ", config_.backbone, ", ", model.parameter_count(), " parameters, ",
                      trainable == model.parameter_count() ? "all" : text(trainable), " of them trained; ",
                      data_.train.size(), " photographs at ", to_string(config_.size), ", ", data_.validation.size(),
                      " for validation (", data_.where, ")"));
  if (!learner_->weights_report().empty()) progress_.line(text(config_.weights, ": ", learner_->weights_report()));
  progress_.line(
      text(describe(config_.device), ", ", counted(threads(), "thread"), ", ", counted(config_.workers, "worker"), ", ",
           name_of(config_.precision), config_.bf16_units == Bf16Units::on ? " on bf16 units" : "", "; ",
           uses_plain_attention() ? "plain" : name_of(config_.attention), " attention", "; ",
           moe::mixtures(model).empty() ? "no routing to check"
           : config_.verify_every == 0  ? "routing is not checked"
           : config_.verify_every == 1  ? "routing is checked in every pass"
                                        : text("routing is checked every ", config_.verify_every, " passes")));
  const int64_t together = schedule_.batch_size * std::min(config_.accumulate, schedule_.batches);
  progress_.line(text(schedule_.steps, " steps of ", together, " photographs (", schedule_.batch_size, " at a time), ",
                      "rate up to ", config_.lr, ", that is ", formatted("%.3g", config_.lr / double(together)),
                      " a photograph",
                      config_.ema_decay > 0 ? "; averaged (EMA) weights are validated and kept as best" : ""));
  if (position_.epoch >= config_.epochs)
    progress_.line(text("nothing left to do: all ", config_.epochs, " epochs are done [--epochs N for more]"));
}

/// After the first epoch: reports parameters that received no gradient.
void Trainer::report_unreached() {
  if (position_.epoch != 1 || learner_->gradients().steps() < schedule_.steps_per_epoch) return;
  const std::vector<std::string> names = nn::unreached(learner_->model(), learner_->gradients());
  if (names.empty()) return;
  const bool experts = std::all_of(names.begin(), names.end(),
                                   [](const std::string& name) { return name.find(".experts.") != std::string::npos; });
  if (experts) return;  // report_experts() has said so
  progress_.line(
      text("warning: no gradient has reached ", names.size(), " parameters in this epoch, first ", names[0]));
}

/// So that the run can go on from any folder.
void make_paths_absolute(TrainConfig& config) {
  auto absolute = [](std::string& path) {
    if (!path.empty()) path = std::filesystem::absolute(path).lexically_normal().string();
  };
  if (config.data != "synthetic") absolute(config.data);
  absolute(config.reading.images), absolute(config.reading.masks);
}

}  // namespace

Outcome train(TrainConfig config, const Hooks& hooks) {
  SignalGuard signals;  // a signal that comes while the data is checked counts too
  program::validate(config);
  make_paths_absolute(config);
  if (config.experts == 0 && config.pool.empty())
    config.experts = moe::family_size(config.model);  // it loads after the family has grown
  apply_machine(config);
  Splits data = find_splits(config);
  config.normalisation = to_text(expected_normalisation(config));
  auto learner = std::make_unique<Learner>(config, /*fresh=*/true);  // bad weights leave no run folder behind
  RunFolder folder = RunFolder::create(config.out);
  return Trainer(std::move(config), std::move(learner), std::move(data), std::move(folder), hooks, signals).run();
}

Outcome resume(const std::string& path, const std::function<void(TrainConfig&)>& change, const Hooks& hooks) {
  SignalGuard signals;
  RunFolder folder = RunFolder::open(path);
  TrainConfig config;
  read_config(folder.file(RunFile::config), config);
  std::optional<Checkpoint> saved;
  if (const std::string last = folder.file(RunFile::last); std::filesystem::exists(last))
    saved = load_checkpoint(last), config = saved->config;
  if (change) change(config);
  config.out = path;
  make_paths_absolute(config);
  const std::string& data = config.reading.images.empty() ? config.data : config.reading.images;
  check<DataError>(data == "synthetic" || std::filesystem::exists(data), data,
                   ": the data of the run is not there any more ", "[camo train --resume ", path,
                   " --data WHERE-IT-IS]");
  apply_machine(config);
  Splits splits = find_splits(config);
  auto learner = std::make_unique<Learner>(config, /*fresh=*/!saved);
  return Trainer(std::move(config), std::move(learner), std::move(splits), std::move(folder), hooks, signals, saved)
      .run();
}

}  // namespace camo::program
