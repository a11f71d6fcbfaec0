// The stages of a run as the trainer needs them: numbers of batches and steps, the learning rate of each step, and what
// is frozen.  Everything is a function of the configuration and the number of photographs.
#pragma once

#include <functional>

#include "examples/camo/options/stages.h"
#include "moe/camoxpert.h"

namespace camo::program {

struct Stage {
  TrainConfig config;  // with what the stage says
  int64_t batch_size;  // photographs per forward pass, but at most all of them
  int64_t batches;     // per epoch; photographs that do not fill a batch are left out
  int64_t steps_per_epoch;
  int64_t first_epoch, first_step;  // of the stage, counted over the whole run
  nn::RateSchedule rates;

  int64_t end_epoch() const { return first_epoch + config.epochs; }
  int64_t end_step() const { return first_step + steps_per_epoch * config.epochs; }
  /// The learning rate of a step, counted over the whole run.
  double rate(int64_t step) const { return rates.at(step - first_step); }
};

class Stages {
 public:
  Stages(const TrainConfig& config, int64_t photographs);
  /// The stage of an epoch; the last one after the end of the run.
  size_t index(int64_t epoch) const;
  const Stage& of(int64_t epoch) const { return stages_[index(epoch)]; }
  const std::vector<Stage>& all() const { return stages_; }
  int64_t epochs() const { return stages_.back().end_epoch(); }
  int64_t steps() const { return stages_.back().end_step(); }

 private:
  std::vector<Stage> stages_;
};

/// Freezes what a stage keeps in its epoch `epoch` (0, 1, ... of the stage), and thaws everything else.
/// ConfigError for a part that the network does not have, or if nothing is left to train.
void freeze_for(moe::CamoXpert& model, const TrainConfig& stage, int64_t epoch);
/// Factors of the learning rate: the routers', and those of --backbone-rate and --layer-decay.
std::vector<nn::ParameterGroup> rate_groups(const moe::CamoXpert& model, const TrainConfig& stage);
/// Parameters that are not frozen.
int64_t trained_parameters(const moe::CamoXpert& model);

}  // namespace camo::program
