// Splits the pictures into training, validation and test.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/options/config.h"

namespace camo::program {

struct Splits {
  Dataset train, validation;
  std::string where;  // where the validation data comes from, in words
};

/// Finds and checks the data of a configuration.  Without a validation split, a fraction `hold_out` of the training
/// photographs is held out by seed; the test split is never used.  Decodes
/// all files first, unless config.check is off; finds out which training masks are empty then, or if config.empty_share
/// needs it.  Keeps decoded photographs as config.cache says.
Splits find_splits(const TrainConfig& config);
Splits hold_out(std::vector<Pair> pairs, double share, uint64_t seed);

/// Digest of the file names, in order.  A run that is resumed must have the same data.
std::string digest(const Dataset& data);

/// Synthetic pictures that are in neither training nor validation.
Dataset synthetic_test(const TrainConfig& config, int64_t count);

}  // namespace camo::program
