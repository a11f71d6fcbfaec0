#include "examples/camo/run/trainer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/camo/data/augment.h"
#include "examples/camo/draw/plot.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/run/epoch_sums.h"
#include "examples/camo/run/process_memory.h"
#include "examples/camo/run/progress.h"
#include "examples/camo/run/run_folder.h"
#include "examples/camo/run/signals.h"
#include "nn/schedule.h"
#include "tensor/image/image.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr int64_t kGridRows = 6;  // pictures shown in grid.png

class Trainer {
 public:
  Trainer(TrainConfig config, std::unique_ptr<Learner> learner, Splits data, RunFolder folder, const Hooks& hooks)
      : config_(std::move(config)),
        data_(std::move(data)),
        folder_(std::move(folder)),
        hooks_(hooks),
        learner_(std::move(learner)) {
    int64_t n = data_.train.size();
    batch_size_ = std::min(config_.batch_size, n);
    batches_ = n / batch_size_;
    steps_per_epoch_ = (batches_ + config_.accumulate - 1) / config_.accumulate;
    total_ = steps_per_epoch_ * config_.epochs;
  }

  void restore(const Checkpoint& c);
  Outcome run();

 private:
  bool train_epoch();
  bool validate();
  void draw_routing(const moe::Survey& survey);
  void finish_epoch();
  bool save_best();
  double rate(int64_t step) const;
  void after(const StepReport& report);
  void save_last();
  std::string warn_when_full(const std::function<void()>& write);
  Checkpoint checkpoint(bool with_optimizer) const;
  void report_start();
  void report_unreached();
  void check_disk();
  int stopped();

  TrainConfig config_;
  Splits data_;
  RunFolder folder_;
  const Hooks& hooks_;
  std::unique_ptr<Learner> learner_;
  int64_t batch_size_, batches_, steps_per_epoch_, total_;

  // Position: `batch_` batches of epoch `epoch_` are done; `step_` optimizer steps in all, with skipped ones.
  int64_t epoch_ = 0, batch_ = 0, step_ = 0, bad_in_a_row_ = 0;
  Tally tally_;
  Outcome outcome_{.best_iou = -1};

  SignalGuard signals_;
  std::optional<Progress> progress_;
  int64_t images_ = 0;  // trained on by this process
  std::string failed_save_;
  std::vector<std::vector<Tensor>> grid_;
};

void Trainer::restore(const Checkpoint& c) {
  learner_->load(c);
  check<DataError>(c.state.string("data") == digest(data_.train), config_.data,
                   ": is not the data that the run began with (", data_.train.size(), " training photographs now)");
  epoch_ = c.state.integer("epoch"), batch_ = c.state.integer("batch"), step_ = c.state.integer("step");
  bad_in_a_row_ = c.state.integer("bad_in_a_row");
  outcome_.best_iou = c.state.number("best_iou"), outcome_.best_epoch = c.state.integer("best_epoch");
  tally_.load_from(c.state);
  folder_.trim_metrics(epoch_);
}

Checkpoint Trainer::checkpoint(bool with_optimizer) const {
  Checkpoint c;
  c.config = config_;
  c.state.items = {{"epoch", epoch_},
                   {"batch", batch_},
                   {"step", step_},
                   {"bad_in_a_row", bad_in_a_row_},
                   {"best_iou", outcome_.best_iou},
                   {"best_epoch", outcome_.best_epoch},
                   {"data", digest(data_.train)}};
  tally_.save(c.state);
  learner_->save(c, with_optimizer);
  return c;
}

/// A full disk leaves what stood there before and does not stop the run.  Returns what was said, if anything.
std::string Trainer::warn_when_full(const std::function<void()>& write) {
  try {
    write();
    return "";
  } catch (const MemoryError& e) {
    progress_->line(text("warning: ", e.what(), " [the file before is whole; the run goes on]"));
    return e.what();
  }
}

/// Only the last save of a run must succeed: its failure is kept and raised at the end.
void Trainer::save_last() {
  failed_save_ =
      warn_when_full([&] { save_checkpoint(folder_.file("last.safetensors"), checkpoint(/*with_optimizer=*/true)); });
}

int Trainer::stopped() {
  save_last();
  check<MemoryError>(failed_save_.empty(), failed_save_);
  progress_->line(text("stopped by signal ", signals_.caught(), " at step ", step_, " of ", total_,
                       "; saved [camo train --resume ", folder_.path(), "]"));
  return 128 + signals_.caught();
}

void Trainer::after(const StepReport& report) {
  tally_.add(report);
  bad_in_a_row_ = report.accepted ? 0 : bad_in_a_row_ + 1;
  if (hooks_.after_step) hooks_.after_step(*learner_, report);
  if (report.accepted) return;
  progress_->line(text("warning: step ", step_, " skipped, weights unchanged: ", report.culprit));
  check<NumericError>(bad_in_a_row_ < config_.bad_steps, "train: ", bad_in_a_row_,
                      " steps in a row gave NaN or infinity, last in ", report.culprit,
                      " [the last checkpoint is good; try a smaller --lr]");
}

double Trainer::rate(int64_t step) const {
  const int64_t warmup = std::llround(config_.warmup * double(steps_per_epoch_));
  return nn::cosine_with_warmup(step, total_, warmup, config_.lr, config_.min_lr);
}

/// The rest of the current epoch; false when a signal came.
bool Trainer::train_epoch() {
  std::vector<int64_t> order = shuffled(data_.train.size(), uint64_t(config_.seed), epoch_);
  order = {order.begin() + batch_ * batch_size_, order.begin() + batches_ * batch_size_};
  Loader<RawSample> loader(
      [this](int64_t i) {
        RandomKey key{
            .seed = uint64_t(config_.seed), .domain = Domain::augment, .path = uint64_t(i), .step = uint32_t(epoch_)};
        return cut(data_.train.load(i, epoch_), config_.size, config_.augment ? draw(key) : Augmentation{});
      },
      std::move(order), config_.workers, 2 * batch_size_);

  while (batch_ < batches_) {
    std::vector<Sample> window;
    while (int64_t(window.size()) < config_.accumulate)
      if (std::optional<Sample> batch = next_batch(loader, batch_size_, learner_->model().state().device))
        window.push_back(std::move(*batch));
      else break;
    const double lr = rate(step_);
    StepReport report = learner_->step(window, lr, hooks_.before_pass);
    batch_ += int64_t(window.size()), step_ += 1, images_ += int64_t(window.size()) * batch_size_;
    after(report);
    progress_->step(epoch_ + 1, step_, tally_.mean_loss(), lr, images_);
    if (signals_.caught()) return false;
  }
  return true;
}

/// Scores the (averaged) weights and keeps some pictures for the grid; false when a signal came before the
/// end.
bool Trainer::validate() {
  learner_->model().train(false);
  std::optional<nn::UseEma> averaged;
  if (learner_->ema()) averaged.emplace(*learner_->ema());
  Inference how{config_.size, precision(config_), config_.workers};
  grid_.clear();
  std::optional<moe::Surveyor> surveyor;
  if (epoch_ + 1 == config_.epochs) surveyor.emplace(learner_->model());
  outcome_.scores = evaluate(learner_->model(), data_.validation, how, [&](const ImageResult& j) {
    if (int64_t(grid_.size()) < kGridRows) grid_.push_back({j.photograph, j.truth, j.map});
    return signals_.caught() == 0;
  });
  if (surveyor && !signals_.caught()) draw_routing(surveyor->result());
  return signals_.caught() == 0;
}

/// At the end of a run: which group of images goes where, and each expert's answer to some photographs.
void Trainer::draw_routing(const moe::Survey& survey) {
  warn_when_full([&] {
    if (survey.layers.empty()) return;
    write_png(folder_.file("groups.png"), draw_groups(survey));
    for (size_t i = 0; i < grid_.size() && i < size_t(kResponsePictures); ++i)
      write_png(folder_.file(text("responses_", i, ".png")),
                draw_responses(learner_->model(), grid_[i][0], config_.size));
  });
}

/// Metrics first, then weights, then pictures: a run that is killed in between writes the later ones again.
void Trainer::finish_epoch() {
  epoch_ += 1, batch_ = 0;
  const Scores& s = outcome_.scores;
  JsonObject line;
  line.items = {{"epoch", epoch_},
                {"step", step_},
                {"loss", tally_.mean_loss()},
                {"grad_norm", tally_.grad_norm / double(std::max<int64_t>(tally_.steps, 1))},
                {"lr", rate(step_ - 1)},
                {"skipped", tally_.skipped}};
  if (s.images) line.set("mae", s.mae), line.set("iou", s.iou), line.set("dice", s.dice);
  for (size_t i = 0; i < tally_.load.size(); ++i) line.set(text("load_", i), tally_.load[i]);
  if (!tally_.load.empty()) line.set("load_error", tally_.load_error()), line.set("auxiliary", tally_.mean_auxiliary());
  line.set("images_per_second", progress_->speed()), line.set("memory", resident_bytes());
  line.set("bytes_kept", tally_.bytes_kept);
  warn_when_full([&] { folder_.append_metrics(line); });

  const double loss = tally_.mean_loss();
  tally_ = {};
  const bool best = save_best();
  save_last();
  warn_when_full([&] {
    if (!grid_.empty()) write_grid(folder_.file("grid.png"), grid_);
    folder_.draw_curves();
    if (Tensor usage = draw_usage(folder_.read_metrics(), scale_names(learner_->model())); usage.defined())
      write_png(folder_.file("usage.png"), usage);
  });
  std::string scores =
      s.images ? text("  mae ", fixed(s.mae, 4), "  iou ", fixed(s.iou, 4), "  dice ", fixed(s.dice, 4)) : "";
  report_unreached();
  progress_->line(text("epoch ", epoch_, ": loss ", fixed(loss, 4), scores, best ? "  best so far" : ""));
}

/// After the first epoch: no parameter is silently dead.
void Trainer::report_unreached() {
  if (epoch_ != 1 || learner_->gradients().steps() < steps_per_epoch_) return;
  const std::vector<std::string> names = nn::unreached(learner_->model(), learner_->gradients());
  if (names.empty()) return;
  progress_->line(
      text("warning: no gradient has reached ", names.size(), " parameters in this epoch, first ", names[0],
           names[0].find(".experts.") == std::string::npos ? "" : " [experts that nobody chose; the load evens out]"));
}

/// Keeps the weights with the best IoU; without validation data the newest.
bool Trainer::save_best() {
  const Scores& s = outcome_.scores;
  if (s.images && s.iou <= outcome_.best_iou) return false;
  const auto before = std::pair(outcome_.best_iou, outcome_.best_epoch);
  outcome_.best_iou = s.iou, outcome_.best_epoch = epoch_;
  std::string failed =
      warn_when_full([&] { save_checkpoint(folder_.file("best.safetensors"), checkpoint(/*with_optimizer=*/false)); });
  if (!failed.empty()) std::tie(outcome_.best_iou, outcome_.best_epoch) = before;
  return failed.empty();
}

void Trainer::report_start() {
  if (config_.chosen == 1 && !moe::mixtures(learner_->model()).empty() &&
      router_settings(config_).mixture.balancing != moe::Balancing::auxiliary)
    progress_->line("warning: one chosen expert has weight 1, which teaches its router nothing [--chosen 2]");
  progress_->line(text(config_.model, " on ", config_.backbone, ", ", learner_->model().parameter_count(),
                       " parameters; ", data_.train.size(), " photographs at ", to_string(config_.size), ", ",
                       data_.validation.size(), " for validation (", data_.where, ")"));
  if (!learner_->weights_report().empty()) progress_->line(text(config_.weights, ": ", learner_->weights_report()));
  progress_->line(text(total_, " steps of ", batch_size_ * std::min(config_.accumulate, batches_), " photographs, ",
                       threads(), " threads, ", config_.workers, " workers, ", name_of(config_.precision),
                       config_.bf16_units == Bf16Units::on ? " on bf16 units" : "",
                       config_.ema_decay > 0 ? "; averaged (EMA) weights are validated and kept as best" : ""));
}

/// Weights, their average and two moments, written beside the file that they replace.
void Trainer::check_disk() {
  int64_t needed = learner_->model().parameter_count() * int64_t(sizeof(float)) * 4 * 22 / 10;
  int64_t free = int64_t(std::filesystem::space(folder_.path()).available);
  check<MemoryError>(free >= needed, folder_.path(), ": the disk has ", bytes_text(double(free)),
                     " free, checkpoints need ", bytes_text(double(needed)));
}

Outcome Trainer::run() {
  check_disk();
  progress_.emplace(config_.epochs, total_, step_);
  report_start();
  if (epoch_ >= config_.epochs)
    progress_->line(text("nothing left to do: all ", config_.epochs, " epochs are done [--epochs N for more]"));
  while (epoch_ < config_.epochs) {
    if (!train_epoch()) return outcome_.exit_code = stopped(), outcome_;
    progress_->pause();
    if (!validate()) return outcome_.exit_code = stopped(), outcome_;
    finish_epoch();
    progress_->resume();
    if (signals_.caught() && epoch_ < config_.epochs) return outcome_.exit_code = stopped(), outcome_;
  }
  check<MemoryError>(failed_save_.empty(), failed_save_);
  if (data_.validation.size() > 0)
    progress_->line(text("best IoU ", fixed(outcome_.best_iou, 4), " in epoch ", outcome_.best_epoch, ": ",
                         folder_.file("best.safetensors")));
  return outcome_;
}

}  // namespace

Outcome train(TrainConfig config, const Hooks& hooks) {
  program::validate(config);
  apply_machine(config);
  Splits data = find_splits(config);
  auto learner = std::make_unique<Learner>(config, /*fresh=*/true);  // bad weights leave no run folder behind
  RunFolder folder = RunFolder::create(config.out);
  write_file(folder.file("config.json"), to_text(config));
  return Trainer(config, std::move(learner), std::move(data), std::move(folder), hooks).run();
}

Outcome resume(const std::string& path, const std::function<void(TrainConfig&)>& change, const Hooks& hooks) {
  RunFolder folder = RunFolder::open(path);
  TrainConfig config;
  read_config(folder.file("config.json"), config);
  const std::string last = folder.file("last.safetensors");
  std::optional<Checkpoint> saved;
  if (std::filesystem::exists(last)) saved = load_checkpoint(last), config = saved->config;
  if (change) change(config);
  config.out = path;
  apply_machine(config);
  Splits data = find_splits(config);
  auto learner = std::make_unique<Learner>(config, /*fresh=*/!saved);
  write_file(folder.file("config.json"), to_text(config));
  Trainer trainer(config, std::move(learner), std::move(data), std::move(folder), hooks);
  if (saved) trainer.restore(*saved);
  return trainer.run();
}

}  // namespace camo::program
