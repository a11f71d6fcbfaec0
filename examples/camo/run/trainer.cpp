#include "examples/camo/run/trainer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/camo/options/format.h"
#include "examples/camo/options/stages.h"
#include "examples/camo/options/stopwatch.h"
#include "examples/camo/record/process_memory.h"
#include "examples/camo/record/progress.h"
#include "examples/camo/record/report.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/record/tables.h"
#include "examples/camo/run/cost.h"
#include "examples/camo/run/epoch_batches.h"
#include "examples/camo/run/prepare.h"
#include "examples/camo/run/shared_signals.h"
#include "examples/camo/run/stages.h"
#include "examples/camo/run/start_report.h"
#include "examples/camo/run/together.h"
#include "examples/camo/trained/start_weights.h"
#include "examples/camo/trained/weights_file.h"

namespace camo::program {
namespace {

constexpr size_t kGridRows = 6;  // pictures in grid.svg

class Trainer {
 public:
  /// saved: the checkpoint to continue from.
  Trainer(TrainConfig config, std::unique_ptr<Learner> learner, Prepared prepared, RunFolder folder, const Hooks& hooks,
          SignalGuard& signals, const std::optional<Checkpoint>& saved = {});
  Outcome run();

 private:
  const Stage& stage() const { return stages_.of(position_.epoch); }
  void enter_epoch();
  bool train_epoch();
  void count(const StepReport& report, int64_t batches);
  bool validate(bool survey = false);
  void complete_grid(Predictor& predictor);
  bool score_start();
  void finish_epoch();
  bool save_best();
  Checkpoint checkpoint(bool with_optimizer);
  Outcome stopped();
  void save_now();
  std::string shorten(double epoch_seconds);
  void now(const char* part, int64_t step);
  double seconds() const;
  RunRecord::Machine machine() const;

  Processes& all_ = processes();
  TrainConfig config_;
  const Splits data_;
  const std::optional<RunCost> cost_;
  Stages stages_;
  const std::unique_ptr<Learner> learner_;
  const Hooks& hooks_;
  SharedSignals signals_;
  Position position_;
  Scores scores_;  // of the last validation
  Progress progress_;
  RunRecord record_;
  debug::Profile profile_;
  Stopwatch epoch_watch_;
  const Stopwatch watch_;
  const double seconds_before_;  // that earlier processes took
  int64_t whole_epochs_ = 0;     // that this process has trained from their first to their last step,
  double whole_seconds_ = 0;     // in this stage; and their time
  int64_t steps_ = 0;            // optimizer steps of this process in this epoch
  int64_t images_ = 0;           // images that this process has trained on
  std::vector<GridRow> grid_{};  // of the last validation
  ImageSize size_scored_ = {};   // the size of the photographs in it
  bool surveyed_ = false;        // the routing has been drawn
};

/// Loads the checkpoint into the learner; returns its position.
Position restored(Learner& learner, const Splits& data, const TrainConfig& config, const Checkpoint& saved) {
  const Position out = about_file(run_file(config.out, RunFile::last), [&] { return position_of(saved.state); });
  const Stages stages(config, data.train.size());
  const Stage& stage = stages.of(out.epoch);
  learner.enter(stage.config, out.epoch - stage.first_epoch, /*begins=*/true);  // the averages that were saved are its
  learner.load(saved, out);
  check<DataError>(out.data == digest(data.train), config.data, config.reading.images,
                   ": is not the data that the run began with (", data.train.size(), " training photographs now)");
  return out;
}

Trainer::Trainer(TrainConfig config, std::unique_ptr<Learner> learner, Prepared prepared, RunFolder folder,
                 const Hooks& hooks, SignalGuard& signals, const std::optional<Checkpoint>& saved)
    : config_(std::move(config)),
      data_(std::move(prepared.data)),
      cost_(std::move(prepared.cost)),
      stages_(config_, data_.train.size()),
      learner_(std::move(learner)),
      hooks_(hooks),
      signals_(all_, signals),
      position_(saved ? restored(*learner_, data_, config_, *saved)
                      : Position{.data = digest(data_.train), .seconds = prepared.seconds}),
      progress_(stages_.epochs(), stages_.steps(), position_.step, config_.device),
      record_(
          std::move(folder), [this](const std::string& words) { progress_.line(words); }, all_.first()),
      profile_(config_.device, config_.profile),
      seconds_before_(position_.seconds) {
  if (all_.count() > 1)
    check_equal(all_, "weights and position", text(position_.step, ", ", std::hex, learner_->digest()));
  check_equal(all_, "validation photographs", digest(data_.validation));
  record_.write_config(config_);
  if (all_.first())
    progress_.keep_warnings(record_.folder().file(RunFile::warnings), position_.epoch + (position_.batch > 0));
  const RouterSettings router = router_settings(config_);
  for (moe::Moe* layer : moe::mixtures(learner_->model())) {
    auto steps = [&](double epochs) {
      return int64_t(std::llround(epochs * double(stages_.all()[0].steps_per_epoch)));
    };
    if (router.warmup_epochs > 0) layer->router.config.warmup = steps(router.warmup_epochs);
    if (router.delay_epochs > 0) layer->router.config.delay = steps(router.delay_epochs);
  }
  record_.go_on(position_, config_.epochs);
}

/// What other processes are told that this one does.
void Trainer::now(const char* part, int64_t step) {
  all_.doing = text("in ", part, " ", step), all_.deadline = config_.deadline;
}

Outcome Trainer::run() try {
  record_.check_disk(learner_->model().parameter_count(), /*only_warn=*/position_.step > 0);
  enter_epoch();
  for (const std::string& line : start_report(config_, stages_, *learner_, data_, cost_)) progress_.line(line);
  record_.write_environment(environment(config_, stages_, *learner_, data_));
  if (position_.epoch >= config_.epochs)
    progress_.line(text("nothing left to do: all ", config_.epochs, " epochs are done [--epochs N for more]"));
  if (!score_start()) return stopped();
  while (position_.epoch < config_.epochs) {
    enter_epoch();
    if (!train_epoch() || !validate(/*survey=*/position_.epoch + 1 == config_.epochs)) return stopped();
    finish_epoch();
    if (position_.epoch == config_.epochs && !surveyed_ && !validate(/*survey=*/true)) return stopped();
    if (position_.epoch < config_.epochs && signals_.ask()) return stopped();
  }
  now("the last report after step", position_.step);
  record_.check_last_save();
  record_.write_report();
  if (data_.validation.size() > 0)
    progress_.line(text("best ", config_.monitor, " ", fixed(std::abs(position_.best_score), 4), " in epoch ",
                        position_.best_epoch, ": ", record_.folder().file(RunFile::best)));
  return {0, position_.best_score, position_.best_epoch, scores_};
} catch (const NumericError& e) {
  progress_.keep(e.what());
  record_.write_report();
  throw;
}

/// Sets the learner to what the stage says for this epoch.
void Trainer::enter_epoch() {
  const Stage& s = stage();
  learner_->enter(s.config, position_.epoch - s.first_epoch, /*begins=*/position_.step == s.first_step);
}

/// Trains the rest of the current epoch; false if a signal came.
bool Trainer::train_epoch() {
  const int64_t epoch = position_.epoch;
  const Stage& s = stage();
  EpochBatches epoch_batches(data_.train, s, epoch, position_.batch, all_.rank(), all_.count());
  while (position_.batch < s.batches) {
    std::optional<debug::Section> part("data");
    const int64_t all = epoch_batches.next_count();
    std::vector<Sample> batches = epoch_batches.next_step(learner_->model().state().device);
    part.reset();
    const double rate = s.rate(position_.step);
    now("step", position_.step + 1);
    const StepReport report = learner_->step(batches, rate, hooks_.before_pass, all, [&] { return signals_.note(); });
    signals_.read(report.notes);
    count(report, all);
    progress_.step(epoch + 1, position_.step, position_.sums.mean_loss(), rate, images_);
    if (signals_.caught()) return false;
    if (signals_.save_asked()) save_now();
  }
  return true;
}

void Trainer::count(const StepReport& report, int64_t batches) {
  position_.batch += batches, position_.step += 1, ++steps_, images_ += batches * stage().batch_size;
  position_.sums.add(report);
  position_.bad_in_a_row = report.accepted ? 0 : position_.bad_in_a_row + 1;
  if (hooks_.after_step) hooks_.after_step(*learner_, report);
  if (report.accepted) return;
  progress_.line(text("warning: step ", position_.step, " skipped, weights unchanged: ", report.culprit));
  check<NumericError>(position_.bad_in_a_row < config_.bad_steps, "train: ", position_.bad_in_a_row,
                      " steps in a row gave NaN or infinity, last in ", report.culprit,
                      " [the last checkpoint is good; try a smaller --lr]");
}

/// A network that goes on learning: the best weights are those it began with until an epoch is better.
/// Returns false if a signal came.
bool Trainer::score_start() {
  const bool fresh = position_.step == 0 && !learner_->weights_report().empty();
  if (!fresh || !starts_from_network(config_) || data_.validation.size() == 0) return true;
  if (!validate()) return false;
  progress_.line("before the first step: " + score_words(scores_, config_.monitor));
  save_best();
  progress_.resume();
  profile_.clear(), epoch_watch_ = {};
  return true;
}

/// Scores the (averaged) weights and keeps some pictures for the grid; false if a signal came.
bool Trainer::validate(bool survey) {
  now("the validation after step", position_.step);
  progress_.pause();
  debug::Section part("validation");
  moe::CamoXpert& model = learner_->model();
  model.train(false);
  std::optional<nn::UseEma> averaged;
  if (learner_->ema()) averaged.emplace(*learner_->ema());
  std::optional<moe::Surveyor> surveyor;
  if (survey) surveyor.emplace(model);
  Predictor predictor({member_of(model, stage().config)});
  const Scoring how{.workers = config_.workers,
                    .all_measures = !quick_score(config_.monitor),
                    .among = survey ? nullptr : &all_};  // a survey sees every photograph
  grid_.clear();
  scores_ = evaluate(predictor, data_.validation, how, [&](const ImageResult& image) {
    if (grid_.size() < kGridRows)
      grid_.push_back(
          {{image.photograph, image.truth, image.map}, data_.validation.name(image.index), caption(image.scores)});
    return !signals_.caught_here();
  });
  if (signals_.ask()) return false;
  complete_grid(predictor);
  if (surveyor) record_.draw_routing(surveyor->result(), grid_, model, stage().config);
  if (survey) record_.draw_worst([&] { return worst_rows(predictor, data_.validation, scores_); });
  size_scored_ = stage().config.size, surveyed_ = survey;
  return true;
}

/// With several processes the first one may have seen fewer photographs than the grid shows.
void Trainer::complete_grid(Predictor& predictor) {
  if (!all_.first()) return;
  for (int64_t i = int64_t(grid_.size()); i < std::min<int64_t>(kGridRows, data_.validation.size()); ++i) {
    const Picture p = data_.validation.load(i);
    const std::string name = data_.validation.name(i);
    const ImageSize size{p.mask.dim(0), p.mask.dim(1)};
    grid_.push_back(
        {{p.image, p.mask, predictor.map(name, p.image, size)}, name, caption(scores_.each[size_t(i)].scores)});
  }
}

/// Writes metrics first, then weights, then pictures: a run that is killed in between writes the later ones again.
void Trainer::finish_epoch() {
  now("the report of the epoch after step", position_.step);
  const double last_rate = stage().rate(position_.step - 1);
  position_.epoch += 1, position_.batch = 0;
  const RunRecord::Machine machine = this->machine();
  record_.add_epoch(position_, scores_, last_rate, machine, grid_, learner_->model());
  const double loss = position_.sums.mean_loss();
  std::string words = text("epoch ", position_.epoch, ": loss ", fixed(loss, 4));
  for (const auto& [name, value] : position_.sums.mean_terms()) words += text("  ", name, " ", fixed(value, 4));
  words += text("; ", clock_text(machine.seconds));
  if (all_.first())  // the others would read a file that process 0 may be writing
    for (const std::string& line :
         expert_lines(position_.sums.load, learner_->model(), config_.chosen, record_.folder().file(RunFile::metrics)))
      progress_.line(line);
  if (config_.profile) progress_.line(time_table(profile_.parts(), machine.seconds, steps_));
  position_.sums = {};
  const bool best = save_best();
  const std::string shorter = shorten(machine.seconds);
  record_.save_last(checkpoint(/*with_optimizer=*/true));
  record_.draw_epoch(grid_, learner_->model());
  if (position_.epoch == 1 && learner_->gradients().steps() >= stages_.all()[0].steps_per_epoch)
    if (const std::string words = unreached_words(learner_->model(), learner_->gradients()); !words.empty())
      progress_.line(words);
  if (scores_.images) words += "; validation  " + score_words(scores_, config_.monitor);
  progress_.line(words + (best ? "  best so far" : ""));
  if (!shorter.empty()) progress_.line(shorter);
  progress_.resume();
  profile_.clear(), epoch_watch_ = {}, steps_ = 0;
}

/// Obeys --patience and --hours: returns in words what they end, "" for nothing.
std::string Trainer::shorten(double epoch_seconds) {
  const Stage& s = stages_.of(position_.epoch - 1);
  if (position_.epoch == s.first_epoch + 1) whole_epochs_ = 0, whole_seconds_ = 0;
  if (steps_ == s.steps_per_epoch) whole_epochs_ += 1, whole_seconds_ += epoch_seconds;
  const double mean = whole_epochs_ > 0 ? whole_seconds_ / double(whole_epochs_) : epoch_seconds;
  TrainConfig mine = config_;
  const std::string said = shorten_run(mine, stages_, position_, mean, seconds());
  const std::string decided = broadcast(all_, said.empty() ? "" : to_text(mine));  // process 0's clock decides
  if (decided.empty()) return "";
  const Device own = config_.device;
  parse_config(decided, "process 0", config_);
  config_.device = own;
  stages_ = Stages(config_, data_.train.size());
  progress_.set_total(stages_.epochs(), stages_.steps());
  record_.write_config(config_);
  return said;
}

/// Seconds that all processes of the run have taken so far.
double Trainer::seconds() const { return seconds_before_ + watch_.seconds(); }

/// Without waiting for it, the times of a GPU's parts mean nothing and are left out.
RunRecord::Machine Trainer::machine() const {
  RunRecord::Machine out{.seconds = epoch_watch_.seconds(),
                         .images_per_second = progress_.speed(),
                         .memory = memory_in_use(config_.device)};
  if (config_.device.kind != Device::cpu && !config_.profile) return out;
  for (const debug::Profile::Part& p : profile_.parts())
    if (p.calls > 0 && !p.path.starts_with("validation/")) out.parts.emplace_back(p.name, p.seconds);
  return out;
}

/// Saves the weights with the best score; without validation data, the newest.
bool Trainer::save_best() {
  const double score = scores_.images ? scores_.monitored(config_.monitor) : 0;
  if (scores_.images && score <= position_.best_score) return false;
  const auto before = std::pair(position_.best_score, position_.best_epoch);
  position_.best_score = score, position_.best_epoch = position_.epoch;
  const bool saved = record_.save_best(checkpoint(/*with_optimizer=*/false));
  if (!saved) std::tie(position_.best_score, position_.best_epoch) = before;
  return saved;
}

Checkpoint Trainer::checkpoint(bool with_optimizer) {
  Checkpoint c;
  position_.seconds = seconds();
  learner_->save(c, position_, with_optimizer);  // every process gives the moments that it owns
  c.config = config_;
  if (!with_optimizer) c.config.size = size_scored_;  // the best weights are used at the size that was scored
  c.state = to_json_object(position_);
  return c;
}

/// Saves and goes on.
void Trainer::save_now() {
  now("the save after step", position_.step);
  record_.save_last(checkpoint(/*with_optimizer=*/true));
  barrier(all_);  // process 0 writes while the others wait
  progress_.line(text("saved at step ", position_.step, ", as signal USR1 asks"));
}

/// Saves after a signal.  Before the first step there is nothing to save: config.json begins the run anew.
Outcome Trainer::stopped() {
  now("the save after step", position_.step);
  if (position_.step > 0) record_.save_last(checkpoint(/*with_optimizer=*/true));
  record_.check_last_save();
  record_.write_report();
  progress_.line(text("stopped by signal ", signals_.caught(), " at step ", position_.step, " of ", stages_.steps(),
                      "; saved [camo train --resume ", record_.folder().path(), "]"));
  return {128 + signals_.caught(), position_.best_score, position_.best_epoch, scores_};
}

}  // namespace

Outcome train(TrainConfig config, const Hooks& hooks) {
  SignalGuard signals;  // a signal that comes while the data is checked counts too
  Processes& all = processes();
  multiply_accumulate(config, all.count());
  Prepared prepared = prepare_together(all, config, [&] { return prepare_run(config); });
  auto learner = std::make_unique<Learner>(config, /*fresh=*/true);  // bad weights leave no run folder behind
  learner->share(processes(config.device));
  barrier(all);
  RunFolder folder = all.first() ? RunFolder::create(config.out) : RunFolder::of_another_process(config.out);
  return Trainer(std::move(config), std::move(learner), std::move(prepared), std::move(folder), hooks, signals).run();
}

Outcome resume(const std::string& path, const std::function<void(TrainConfig&)>& change, const Hooks& hooks) {
  SignalGuard signals;
  Processes& all = processes();
  RunFolder folder = all.first() ? RunFolder::open(path) : RunFolder::of_another_process(path);
  TrainConfig config;
  read_config(folder.file(RunFile::config), config);
  std::optional<Checkpoint> saved;
  if (const std::string last = folder.file(RunFile::last); std::filesystem::exists(last))
    saved = load_checkpoint(last), config = saved->config;
  if (change) change(config);
  Prepared prepared = prepare_together(all, config, [&] { return prepare_resumed(config, path); });
  auto learner = std::make_unique<Learner>(config, /*fresh=*/!saved);
  learner->share(processes(config.device));
  barrier(all);
  return Trainer(std::move(config), std::move(learner), std::move(prepared), std::move(folder), hooks, signals, saved)
      .run();
}

}  // namespace camo::program
