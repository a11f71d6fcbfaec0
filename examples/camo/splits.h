// Which pictures train, which validate, which test.
#pragma once

#include "examples/camo/config.h"
#include "examples/camo/dataset.h"

namespace camo::program {

struct Splits {
  Dataset train, validation;
  std::string where;  // one line for people: where the validation data comes from
};

/// The data of a configuration, found and checked.  Without a validation split of its own the share
/// `hold_out` of the training photographs is taken out by seed; the test split is never touched.
Splits find_splits(const TrainConfig& config);
Splits hold_out(std::vector<Pair> pairs, double share, uint64_t seed);

/// Synthetic pictures that neither training nor validation sees.
Dataset synthetic_test(const TrainConfig& config, int64_t count);

}  // namespace camo::program
