// The photographs that a run held out of training, for commands that choose something for its network.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/options/config.h"

namespace camo::program {

/// With data: all of that folder.  Without: what the run of this configuration validated on.  DataError if there is none.
Dataset held_out(const TrainConfig& config, const std::string& data, const std::string& command);

}  // namespace camo::program
