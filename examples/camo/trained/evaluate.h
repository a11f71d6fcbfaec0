// Scores the maps of a data set, each at the size of its mask.
#pragma once

#include <optional>

#include "examples/camo/data/dataset.h"
#include "examples/camo/metrics/metrics.h"
#include "examples/camo/predict/predictor.h"
#include "tensor/processes.h"

namespace camo::program {

/// The scores of one image of a data set.
struct ImageOutcome {
  int64_t index;
  ImageScores scores;
  std::optional<ImageMeasures> measures = {};  // if they were asked for
};

/// Means over images, each with the same weight.
struct Scores : ImageScores {
  int64_t images = 0;
  std::vector<ImageOutcome> each = {};  // in the order of the data
  std::optional<Measures> all = {};     // if they were asked for

  /// The measure with this name, negative if smaller is better (MAE), so that the best epoch has the largest.
  double monitored(const std::string& name) const;
};

struct Scoring {
  int64_t workers = 2, batch = 4;  // batch: photographs that are read and predicted together
  /// Called with the reason for each picture that cannot be read, in order; without it, the first one ends the
  /// evaluation.
  std::function<void(const std::string&)> refuse = nullptr;
  bool all_measures = false;   // S, E, F and the rest too, which take longer than the network on small pictures
  Processes* among = nullptr;  // each of these computes a part of the data, and all get the scores of all
};

/// The result of `evaluate` for one image.
struct ImageResult {
  int64_t index;
  Tensor photograph, truth, map;  // u8, each at its own size
  ImageScores scores;
};

/// Means of the scores over a data set (metrics.h).  Calls `see` for each image in order and stops if it returns false;
/// with several processes, for each image of this process's part, which begins the data set at process 0.
Scores evaluate(Predictor& predictor, const Dataset& data, const Scoring& how,
                const std::function<bool(const ImageResult&)>& see = nullptr);

}  // namespace camo::program
