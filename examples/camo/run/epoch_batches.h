// The batches of one epoch, in their order, augmented: a function of the configuration and the seed alone.
#pragma once

#include <algorithm>

#include "examples/camo/data/dataset.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/run/stages.h"

namespace camo::program {

class EpochBatches {
 public:
  /// epoch: counted over the whole run.  Begins after `done` batches of it, between two steps.  Of each step's batches
  /// i = 0, 1, ... it has those whose i leaves the remainder `rank` when divided by `processes`.
  EpochBatches(const Dataset& data, const Stage& stage, int64_t epoch, int64_t done, int rank = 0, int processes = 1);
  /// The number of batches of the next optimizer step; fewer at the end of the epoch, then 0.
  int64_t next_count() const { return std::min(stage_.config.accumulate, stage_.batches - done_); }
  /// Those of them that are this process's.
  std::vector<Sample> next_step(Device device);

 private:
  const Stage& stage_;
  int64_t done_;
  int rank_, processes_;
  Loader<RawSample> loader_;
};

}  // namespace camo::program
