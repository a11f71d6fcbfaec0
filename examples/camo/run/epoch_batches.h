// The batches of one epoch, in their order, augmented: a function of the configuration and the seed alone.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/run/stages.h"

namespace camo::program {

class EpochBatches {
 public:
  /// epoch: counted over the whole run.  Begins after `done` batches of it.
  EpochBatches(const Dataset& data, const Stage& stage, int64_t epoch, int64_t done);
  /// The batches of one optimizer step; fewer at the end of the epoch.
  std::vector<Sample> next_step(Device device);

 private:
  const Stage& stage_;
  Loader<RawSample> loader_;
};

}  // namespace camo::program
