// What `camo eval` tells of a set: figures with intervals, curves, and the pictures that went worst.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "examples/camo/metrics/bootstrap.h"
#include "examples/camo/metrics/metrics.h"
#include "examples/camo/options/json.h"

namespace camo::program {

struct SetScores {
  int64_t images = 0;
  Measures mean;                                      // as `average` makes them
  std::array<Interval, std::size(kMeasures)> spread;  // of each of kMeasures: 95 %, over images
};
SetScores score_set(const std::vector<ImageMeasures>& images);

/// One line a measure.
void print(const SetScores& scores);
/// Each measure under its name, its interval under NAME_interval.
JsonObject to_json_object(const SetScores& scores, const std::string& what, const std::string& data);

/// Precision over recall; E, F, precision and recall over the threshold.
void write_curves(const std::string& path, const std::vector<ImageMeasures>& images);

/// Numbers of the images with the lowest IoU, at most `most`; of equal ones the lower S first.
std::vector<int64_t> worst(const std::vector<ImageMeasures>& images, int64_t most = 10);

/// A row for a grid of pictures: name and scores as a picture, then `pictures`.
std::vector<Tensor> captioned(const std::string& name, const Measures& m, std::vector<Tensor> pictures);

}  // namespace camo::program
