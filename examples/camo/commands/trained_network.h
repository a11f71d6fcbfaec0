// The trained network of a command: its flag, and loading it on the machine that other flags choose.
#pragma once

#include "examples/camo/run/checkpoint.h"

namespace camo::program {

/// The option --weights.
inline Option trained_weights(std::string* path) {
  return {"weights", path, "run folder, checkpoint or exported network; uses averaged (EMA) weights if present"};
}

/// Loads the network of a file and applies the device and threads of `machine`; all else is as in training.
TrainedNetwork open_network(const std::string& weights, const Machine& machine);

}  // namespace camo::program
