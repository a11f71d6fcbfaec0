// The data set that a command is told to use with a trained network.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/options/cli.h"
#include "examples/camo/options/config.h"

namespace camo::program {

/// The flags --data, --split, and how photographs and masks are read.
struct DataFlags {
  std::string data, split;
  Reading reading;

  /// True if they name data.
  bool given() const { return !data.empty() || !reading.images.empty(); }
};
Options options(DataFlags& flags);

/// The pictures that the flags name, read as the run did but for what the line of command `name` says.  Pairs that cannot
/// be read are left out and listed in `refused`.  DataError for masks that mark nothing, or everything.
Dataset named_data(const DataFlags& flags, const TrainConfig& run, const CommandLine& line, const std::string& name,
                   std::vector<std::string>& refused);

/// The same if the flags name data, else what the runs of these configurations held out of training.  DataError if they
/// held nothing out; ConfigError if they held out different photographs, because one may have trained on those of another.
Dataset named_or_held_out(const DataFlags& flags, const std::vector<TrainConfig>& runs, const CommandLine& line,
                          const std::string& name, std::vector<std::string>& refused);

}  // namespace camo::program
