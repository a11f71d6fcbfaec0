// A training run: epochs, validation, checkpoints, metrics, pictures, and continuing after a stop.
//
// All state is in the checkpoint (position.h) or is a function of seed and position: order and augmentation
// of the data, random numbers, learning rate.  So a run that is stopped at any optimizer step and continued
// gives the same bits.
// Read next: learner.h, one optimizer step; record/run_record.h, the files of a run.
#pragma once

#include "examples/camo/data/splits.h"
#include "examples/camo/run/learner.h"
#include "examples/camo/trained/evaluate.h"

namespace camo::program {

/// Called during training; for tests.
struct Hooks {
  Learner::BeforePass before_pass;
  std::function<void(Learner&, const StepReport&)> after_step;
};

struct Outcome {
  int exit_code = 0;      // 128 + signal after a saved interrupt
  double best_score = 0;  // of the monitored measure on the validation data; -MAE for MAE
  int64_t best_epoch = 0;
  Scores scores = {};  // of the last validation
};

/// Starts the run of a configuration in a new folder config.out.
Outcome train(TrainConfig config, const Hooks& hooks = {});

/// Continues the run in a folder.  `change` may alter epochs, hours, patience, threads, workers,
/// device, bf16 units, check, cache, and where the data lies.
Outcome resume(const std::string& folder, const std::function<void(TrainConfig&)>& change = nullptr,
               const Hooks& hooks = {});

}  // namespace camo::program
