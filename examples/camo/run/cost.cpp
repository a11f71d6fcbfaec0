#include "examples/camo/run/cost.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "examples/camo/draw/plot.h"
#include "examples/camo/options/format.h"
#include "examples/camo/options/stopwatch.h"
#include "examples/camo/record/process_memory.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/run/epoch_batches.h"
#include "examples/camo/run/learner.h"
#include "examples/camo/trained/evaluate.h"
#include "tensor/memory/allocator.h"

namespace camo::program {
namespace {

constexpr int kSteps = 3;         // that are timed
constexpr int64_t kPictures = 8;  // of the validation data that are timed

int64_t peak_memory(Device device) {
  return device.kind == Device::cpu ? peak_resident_bytes() : memory_stats(device).peak;
}

/// Seconds of an optimizer step in an epoch of a stage, counted within the stage.
double step_seconds(Learner& learner, const Dataset& data, const Stage& stage, int64_t epoch) {
  learner.enter(stage.config, epoch, /*begins=*/true);
  EpochBatches batches(data, stage, stage.first_epoch + epoch, 0, 0, processes().count());
  const Device device = stage.config.device;
  const auto step = [&] {
    std::vector<Sample> now = batches.next_step(device);
    if (now.empty()) return false;
    learner.step(now, /*rate=*/0, nullptr);  // takes as long as with any rate, and cannot diverge
    synchronize(device);
    at_work();
    return true;
  };
  Stopwatch first;
  step();
  const double once = first.seconds();
  Stopwatch watch;
  int done = 0;
  while (done < kSteps && step()) ++done;
  return done ? watch.seconds() / done : once;
}

/// Seconds of a pass over the validation data.  Draws the pictures of an epoch too, because they take memory.
double validation_seconds(Learner& learner, const Dataset& data, const Stage& stage) {
  if (data.size() == 0) return 0;
  Dataset some = data;
  const int64_t n = std::min(kPictures, data.size());
  if (some.synthetic) some.synthetic->count = n;
  else some.pairs.resize(size_t(n));
  learner.model().train(false);
  std::vector<GridRow> grid;
  Predictor predictor({member_of(learner.model(), stage.config)});
  Stopwatch watch;
  evaluate(predictor, some, {.workers = stage.config.workers, .all_measures = !quick_score(stage.config.monitor)},
           [&](const ImageResult& image) {
             grid.push_back({{image.photograph, image.truth, image.map}});
             return true;
           });
  const double seconds = watch.seconds() / double(n) * double(data.size());
  draw_grid(grid);
  return seconds;
}

int64_t bytes(const nn::NamedTensors& tensors) {
  int64_t sum = 0;
  for (const auto& [name, t] : tensors) sum += t.bytes();
  return sum;
}

/// Writes a checkpoint beside the run folder and removes it.
void measure_save(Learner& learner, const TrainConfig& config, RunCost& out) {
  Checkpoint c;
  Position position;
  learner.save(c, position, /*with_optimizer=*/true);
  out.best_bytes = bytes(c.model) + bytes(c.ema), out.last_bytes = out.best_bytes + bytes(c.optimizer);
  const std::filesystem::path file =
      std::filesystem::absolute(config.out).lexically_normal().string() + text(".measure-", ::getpid());
  if (!std::filesystem::is_directory(file.parent_path()) || std::filesystem::exists(file)) return;
  Stopwatch watch;
  save_checkpoint(file.string(), c);
  out.save_seconds = watch.seconds();
  std::filesystem::remove(file);
}

/// The most memory that training with this batch size takes, in bytes: of the process, or of a GPU's tensors.  Memory
/// that earlier trials have left to the process does not count.
double memory_of(TrainConfig trial, const Dataset& data, int64_t batch_size) {
  trial.stages.clear(), trial.batch_size = batch_size;
  trial.accumulate = std::min<int64_t>(trial.accumulate, 2);  // the second batch needs the sum of the first beside it
  return_free_memory();
  const bool on_cpu = trial.device.kind == Device::cpu;
  const double other = on_cpu ? double(resident_bytes() - memory_stats(trial.device).in_use) : 0;
  reset_memory_peak(trial.device);
  Learner learner(trial, /*fresh=*/true);
  const Stages stages(trial, data.size());
  step_seconds(learner, data, stages.all()[0], trial.epochs - 1);
  // Of several processes each holds gradients on their way, and those that come, besides.
  const double messages = processes().count() > 1 ? 2. * double(learner.model().parameter_count()) * 4 : 0;
  return std::max(other, 0.0) + double(memory_stats(trial.device).peak) + messages;
}

}  // namespace

RunCost measure_cost(const TrainConfig& config, const Splits& data) {
  Learner learner(config, /*fresh=*/true);
  RunCost out;
  const Stages stages(config, data.train.size());
  for (const Stage& s : stages.all()) {
    StageCost cost;
    cost.step_seconds = step_seconds(learner, data.train, s, s.config.epochs - 1);
    if (!s.config.thaw.empty())  // an epoch costs more from one thawed part to the next
      cost.step_seconds = (cost.step_seconds + step_seconds(learner, data.train, s, 0)) / 2;
    cost.validation_seconds = validation_seconds(learner, data.validation, s);
    if (&s == &stages.all().back()) measure_save(learner, config, out);
    cost.memory = peak_memory(config.device);
    out.stages.push_back(cost);
  }
  return out;
}

double RunCost::epoch_seconds(const Stage& s, size_t i) const {
  return stages[i].step_seconds * double(s.steps_per_epoch) + stages[i].validation_seconds + 2 * save_seconds;
}

double RunCost::seconds(const Stages& run) const {
  double out = start_seconds;
  for (size_t i = 0; i < stages.size(); ++i) out += double(run.all()[i].config.epochs) * epoch_seconds(run.all()[i], i);
  return out;
}

int64_t RunCost::memory() const {
  int64_t most = 0;
  for (const StageCost& s : stages) most = std::max(most, s.memory);
  return most;
}

std::string cost_table(const Stages& stages, const RunCost& cost) {
  char line[160];
  std::string out = "stage   epochs    steps  s a step  s an epoch  minutes  memory\n";
  for (size_t i = 0; i < stages.all().size(); ++i) {
    const Stage& s = stages.all()[i];
    const double epoch = cost.epoch_seconds(s, i);
    std::snprintf(line, sizeof line, "%-6zu %7lld %8lld %9.3f %11.1f %8.1f  %s\n", i + 1, (long long)s.config.epochs,
                  (long long)(s.steps_per_epoch * s.config.epochs), cost.stages[i].step_seconds, epoch,
                  double(s.config.epochs) * epoch / 60, bytes_text(double(cost.stages[i].memory)).c_str());
    out += line;
  }
  const double minutes = cost.seconds(stages) / 60;
  return out + text("in all ", fixed(minutes, minutes < 10 ? 2 : 1), " minutes on this machine as it is now, ",
                    bytes_text(double(cost.memory())), " of memory, ", bytes_text(double(cost.disk())), " of disk");
}

std::string shorten_run(TrainConfig& config, const Stages& stages, const Position& position, double epoch_seconds,
                        double run_seconds) {
  const size_t now = stages.index(position.epoch - 1);
  const Stage& s = stages.all()[now];
  const int64_t done = position.epoch - s.first_epoch, left = s.config.epochs - done;
  int64_t more = left;
  std::string why;
  if (config.patience > 0 && position.epoch - std::max(position.best_epoch, s.first_epoch) >= config.patience) {
    more = 0, why = text("no better epoch in the last ", config.patience);
  } else if (config.hours > 0 && now + 1 == stages.all().size()) {
    const double time = config.hours * 3600 - run_seconds;
    more = std::clamp<int64_t>(int64_t(time / std::max(epoch_seconds, 1e-9)), 0, left);
    why = text("--hours ", config.hours, " leave time for ", more, " epochs more");
  }
  if (more == left) return "";
  set_epochs(config, now, done + more);
  return text(why, ": stage ", now + 1, " ends after ", done + more, " epochs");
}

std::string fit_hours(TrainConfig& config, const Splits& data, const RunCost& cost) {
  const Stages before(config, data.train.size());
  const double needed = cost.seconds(before), allowed = config.hours * 3600;
  if (config.hours == 0 || needed <= allowed) return "";
  const double share = std::max(0.0, allowed - cost.start_seconds) / (needed - cost.start_seconds);
  if (before.epochs() == int64_t(before.all().size()))
    return text("--hours ", config.hours, ": one epoch of each stage takes ", fixed(needed / 3600, 2), " hours");
  for (size_t i = 0; i < before.all().size(); ++i)
    set_epochs(config, i, std::max<int64_t>(1, int64_t(double(before.all()[i].config.epochs) * share)));
  return text("--hours ", config.hours, ": all ", before.epochs(), " epochs would take ", fixed(needed / 3600, 2),
              " hours, so ", config.epochs, " are trained");
}

int64_t largest_batch(int64_t together, int64_t photographs, double limit,
                      const std::function<double(int64_t)>& memory) {
  struct Trial {
    int64_t batch;
    double bytes;
  };
  std::vector<Trial> fit;
  const auto predicted = [&](int64_t b) {
    const Trial& last = fit.back();
    if (fit.size() == 1) return last.bytes * double(b) / double(last.batch);  // at most
    const Trial& before = fit[fit.size() - 2];
    return last.bytes + (last.bytes - before.bytes) / double(last.batch - before.batch) * double(b - last.batch);
  };
  double needed = 0;
  for (int64_t b = 1; b <= std::min(together, photographs) && needed <= limit; ++b) {
    if (together % b != 0) continue;
    if (b > 2 && predicted(b) > limit) break;
    needed = memory(b);
    if (needed <= limit) fit.push_back({b, needed});
  }
  check<MemoryError>(!fit.empty(), "camo train --memory: one photograph at a time needs ", bytes_text(needed), ", got ",
                     bytes_text(limit), " [a smaller --size, a smaller --backbone, --recompute all]");
  return fit.back().batch;
}

std::string fit_memory(TrainConfig& config, const Splits& data) {
  if (config.memory.empty()) return "";
  const double limit = parse_bytes(config.memory, "--memory");
  std::string said;
  const std::vector<TrainConfig> stages = stages_of(config);
  for (size_t i = 0; i < stages.size(); ++i) {
    const int64_t processes = camo::processes().count();
    const int64_t together = stages[i].batch_size * std::max<int64_t>(stages[i].accumulate / processes, 1);
    const int64_t best = largest_batch(together, data.train.size(), limit,
                                       [&](int64_t b) { return memory_of(stages[i], data.train, b); });
    set_batch(config, i, best, together / best * processes);
    said += text(said.empty() ? "" : "\n", "--memory ", config.memory, ": ", best, " photographs at a time, ",
                 together / best, " times a step", config.stages.empty() ? "" : text(", in stage ", i + 1));
  }
  return said;
}

}  // namespace camo::program
