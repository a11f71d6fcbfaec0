// Training in stages: a table in the configuration, one row a stage.
//
//   "epochs": 120,
//   "stages": [{"epochs": 30, "freeze": "backbone", "lr": 1e-3},
//              {"thaw": "every=10", "batch-size": 4, "backbone-rate": 0.1}]
//
// A row holds keys of the configuration that may differ between stages; what it does not say is what the configuration
// says.  One row may leave out its epochs: it gets those that the others leave of "epochs".  Without a table a run is
// one stage.  Read next: run/stages.h, what the trainer makes of it.
#pragma once

#include "examples/camo/options/config.h"

namespace camo::program {

/// The keys that a stage may say.
const std::vector<std::string>& stage_keys();
/// The rows of a configuration's "stages", checked.  A key may have underscores for hyphens, and ema means ema-decay.
/// ConfigError names `where`, the stage and the key.
std::vector<JsonObject> stage_rows(const JsonValue& value, const std::string& where);

/// The configuration of each stage, with the run's own values where the stage says none; never empty.
/// ConfigError names the stage and the key.
std::vector<TrainConfig> stages_of(const TrainConfig& config);

/// Gives every stage its number of epochs, and the run their sum.
void complete_stages(TrainConfig& config);
/// Sets the epochs of a stage, and the run's to the sum.
void set_epochs(TrainConfig& config, size_t stage, int64_t epochs);
/// Sets the batch size of a stage, and how many batches make a step.
void set_batch(TrainConfig& config, size_t stage, int64_t batch_size, int64_t accumulate);
/// Multiplies the number of batches that make a step, in every stage.
void multiply_accumulate(TrainConfig& config, int64_t factor);
/// Sets the run's epochs, all before the last stage as they are.  ConfigError if they leave none for it.
void set_total_epochs(TrainConfig& config, int64_t epochs);

/// Takes flags like --stage2-lr 1e-4 out of a command line.  They make two stages, or as many as the largest number says;
/// the first one freezes the backbone, unless it says otherwise.  --skip-stage1 leaves the first one out.
struct StageFlags {
  std::vector<JsonObject> stages;
  bool skip_first = false;
  /// ConfigError for an unknown key, or a value that is missing or wrong.
  static StageFlags take(std::vector<std::string>& words);
  void apply(TrainConfig& config) const;
};

/// The shape that `schedule` names ("restarts,cycle=10,growth=2"); its lengths in epochs become steps.
nn::RateSchedule rate_schedule(const std::string& words, double steps_per_epoch);
/// The setting of `thaw` ("every=10,from=deepest"): the epochs between two parts, and the end that is thawed first.
/// every = 0: the whole backbone trains from the first epoch.
enum class ThawFrom { deepest, shallowest };
constexpr auto names_of(ThawFrom) { return std::array{"deepest", "shallowest"}; }
struct Thaw {
  int64_t every = 0;
  ThawFrom from = ThawFrom::deepest;
};
Thaw thaw_of(const TrainConfig& config);

}  // namespace camo::program
