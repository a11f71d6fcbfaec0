// What a run will cost, measured by some steps of each of its stages; and a run that is made to fit a time or a memory.
//
// What a clock or a memory reading decides is written into the configuration, so a run that goes on obeys it.
#pragma once

#include "examples/camo/data/splits.h"
#include "examples/camo/record/position.h"
#include "examples/camo/run/stages.h"

namespace camo::program {

struct StageCost {
  double step_seconds = 0;        // an optimizer step with its data: the mean of three after a first one; if the stage
                                  // thaws, the mean of its first and its last epoch
  double validation_seconds = 0;  // a pass over the validation data
  int64_t memory = 0;             // largest resident memory in bytes up to here; of a GPU's tensors with a GPU
};

struct RunCost {
  std::vector<StageCost> stages;
  double start_seconds = 0;                // what comes before the first step: finding and checking the data, measuring
  double save_seconds = 0;                 // one checkpoint
  int64_t last_bytes = 0, best_bytes = 0;  // the two checkpoints on the disk

  double epoch_seconds(const Stage& stage, size_t i) const;
  double seconds(const Stages& stages) const;
  int64_t memory() const;
  /// While a checkpoint is replaced, the old one and the new one are there.
  int64_t disk() const { return 2 * last_bytes + best_bytes; }
};

/// Trains a network of its own for four steps in each stage, eight in one that thaws, and throws it away.
RunCost measure_cost(const TrainConfig& config, const Splits& data);
/// The table of `camo train --plan`.
std::string cost_table(const Stages& stages, const RunCost& cost);

/// After an epoch of so many seconds: ends the stage if it has not become better for config.patience epochs, and gives
/// the last stage fewer epochs if config.hours leave no time for all of them.  Returns what it did in words, "" if
/// nothing.  run_seconds: what all processes of the run have taken so far.
std::string shorten_run(TrainConfig& config, const Stages& stages, const Position& position, double epoch_seconds,
                        double run_seconds);
/// Gives each stage fewer epochs, but at least one, so that the run ends within config.hours.  Returns what it did in
/// words, "" if nothing.
std::string fit_hours(TrainConfig& config, const Splits& data, const RunCost& cost);
/// The largest divisor of `together`, at most `photographs`, with which training takes at most `limit` bytes.
/// memory(b) tries a batch size; sizes are tried in ascending order, and none whose memory the trials before predict to
/// be too large.  MemoryError if not even 1 fits.
int64_t largest_batch(int64_t together, int64_t photographs, double limit,
                      const std::function<double(int64_t)>& memory);
/// Chooses for each stage the largest batch size with which training stays within config.memory.  batch-size times
/// accumulate stays.  MemoryError if one photograph at a time needs more.
std::string fit_memory(TrainConfig& config, const Splits& data);

}  // namespace camo::program
