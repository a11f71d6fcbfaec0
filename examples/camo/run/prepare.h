// What comes before the first step of a run: its configuration is checked and completed, its data is found.
#pragma once

#include <optional>

#include "examples/camo/run/cost.h"

namespace camo::program {

struct Prepared {
  Splits data;
  std::optional<RunCost> cost = {};  // if it was measured: for a run in stages, and for --hours
  double seconds = 0;                // that this took
};
/// Checks and completes the configuration of a new run, sets up the machine, and finds the data.  --memory and --hours
/// are measured here and written into the configuration.
Prepared prepare_run(TrainConfig& config);
/// Checks and completes that of a run that goes on, and finds its data, which must still be there.
Prepared prepare_resumed(TrainConfig& config, const std::string& folder);

/// Measures some steps of each stage and prints what the run would cost: minutes, memory, disk.  Writes no run.
void print_plan(TrainConfig config);

}  // namespace camo::program
