// The trained network that a command works with: its flag, and opening it on the machine of the command's flags.
#pragma once

#include "examples/camo/run/checkpoint.h"

namespace camo::program {

/// --weights
inline Option trained_weights(std::string* path) {
  return {"weights", path, "run folder, checkpoint or exported network; uses averaged (EMA) weights if present"};
}

/// The network of a file, ready to compute with the device and the threads of `machine`; the rest is as in training.
TrainedNetwork open_network(const std::string& weights, const Machine& machine);

}  // namespace camo::program
