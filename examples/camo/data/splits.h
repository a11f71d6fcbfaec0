// The pictures to train, to validate and to test on.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/options/config.h"

namespace camo::program {

struct Splits {
  Dataset train, validation;
  std::string where;  // source of the validation data, in words
};

/// The data of a configuration, found and checked.  Without a validation split of its own the share
/// `hold_out` of the training photographs is taken out by seed; the test split is never touched.
Splits find_splits(const TrainConfig& config);
Splits hold_out(std::vector<Pair> pairs, double share, uint64_t seed);

/// Digest of the file names, in order.  A run that is resumed must have the same data.
std::string digest(const Dataset& data);

/// Synthetic pictures that neither training nor validation sees.
Dataset synthetic_test(const TrainConfig& config, int64_t count);

}  // namespace camo::program
