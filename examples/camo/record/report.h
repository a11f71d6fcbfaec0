// The report of `camo eval` on a data set: measures with intervals, curves, and the worst pictures.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "examples/camo/draw/plot.h"
#include "examples/camo/metrics/bootstrap.h"
#include "examples/camo/metrics/metrics.h"
#include "examples/camo/options/json.h"
#include "examples/camo/trained/evaluate.h"

namespace camo::program {

struct SetScores {
  int64_t images = 0;
  Measures mean;                                      // as `average` returns them
  std::array<Interval, std::size(kMeasures)> spread;  // 95 % interval over images for each of kMeasures
};
SetScores score_set(const std::vector<ImageMeasures>& images);

/// Prints one line for each measure.
void print(const SetScores& scores);
/// Each measure under its name, its interval under NAME_interval.
JsonObject to_json_object(const SetScores& scores, const std::string& what, const std::string& data);

/// Draws precision over recall, and E, F, precision and recall over the threshold.
void write_curves(const std::string& path, const std::vector<ImageMeasures>& images);

/// Indices of the images with the lowest IoU, at most `most`, worst first; ties are ordered by S.
std::vector<int64_t> worst(const std::vector<ImageMeasures>& images, int64_t most = 10);

/// Photograph, truth and map of the images with the lowest IoU in a validation, at most `most`, worst first: their maps are
/// computed again, so that a validation keeps none.
std::vector<GridRow> worst_rows(Predictor& predictor, const Dataset& data, const Scores& scores, int64_t most = 10);

/// A row of a grid: pictures, with their name and scores.
GridRow captioned(const std::string& name, const Measures& m, const std::vector<Tensor>& pictures);
/// The scores of an image in words, below its pictures.
std::string caption(const ImageScores& scores);

}  // namespace camo::program
