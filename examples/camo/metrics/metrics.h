// The measures of camouflaged and salient object detection, computed on 8-bit maps.
//
// Each measure has a file with its formula and source:
//   map_and_mask.h  how map and mask are read     s_measure.cpp  S     weighted_f.cpp  weighted F
//   confusion.h     at a threshold: E, F, precision, recall, IoU, Dice; the curves over 256 thresholds
// All are in f64 and equal to PySODMetrics except for two cases of S (s_measure.cpp), so they compare with
// published results.
//
// A measure of a set is the mean over its images, each with the same weight whatever its size.  Curves are averaged
// first: E_max and F_max of a set are at one threshold for all images, not the mean over the images' own maxima.
// Read next: bootstrap.h, the precision of these means.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include "examples/camo/metrics/confusion.h"

namespace camo::program {

/// The measures for validation during training, under their names in metrics.jsonl.
struct ImageScores {
  double mae = 0, iou = 0, dice = 0;
};
struct ScoreInfo {
  const char* name;
  double ImageScores::*value;
};
inline constexpr ScoreInfo kImageScores[] = {
    {"mae", &ImageScores::mae}, {"iou", &ImageScores::iou}, {"dice", &ImageScores::dice}};
/// MAE, and IoU and Dice of p > 1/2, in one pass over the pixels.
/// prediction, mask: u8 (H, W, 1) or (H, W), equal in size.  Throws ShapeError, DTypeError.
ImageScores score(const Tensor& prediction, const Tensor& mask);

struct Measures {
  double s = 0;
  double e_mean = 0, e_max = 0, e_adaptive = 0;
  double f_weighted = 0, f_mean = 0, f_max = 0, f_adaptive = 0;
  double mae = 0;
  double iou = 0, dice = 0, precision = 0, recall = 0;  // for p > 1/2
};

/// All measures with their names in files, in the order in which they are shown.
struct MeasureInfo {
  const char* name;
  double Measures::*value;
  bool of_curve = false;  // for a set: the maximum of its mean curve, not a mean over images
};
inline constexpr MeasureInfo kMeasures[] = {
    {"S", &Measures::s},
    {"E_mean", &Measures::e_mean},
    {"E_max", &Measures::e_max, true},
    {"E_adaptive", &Measures::e_adaptive},
    {"F_weighted", &Measures::f_weighted},
    {"F_mean", &Measures::f_mean},
    {"F_max", &Measures::f_max, true},
    {"F_adaptive", &Measures::f_adaptive},
    {"MAE", &Measures::mae},
    {"IoU", &Measures::iou},
    {"Dice", &Measures::dice},
    {"precision", &Measures::precision},
    {"recall", &Measures::recall},
};
/// The measure with that name, if `score` computes it too.
constexpr double ImageScores::*quick_score(std::string_view name) {
  if (name == "MAE") return &ImageScores::mae;
  if (name == "IoU") return &ImageScores::iou;
  return name == "Dice" ? &ImageScores::dice : nullptr;
}
/// The longest name, for tables.
inline constexpr int kMeasureWidth = [] {
  size_t most = 0;
  for (const MeasureInfo& m : kMeasures) most = std::max(most, std::string_view(m.name).size());
  return int(most);
}();

/// The measures of one image; mean and max are over its own curves.
struct ImageMeasures : Measures {
  Curves curves;
};
double s_measure(const GreyPair& pair);   // s_measure.cpp
double weighted_f(const GreyPair& pair);  // weighted_f.cpp; 0 for an empty mask
/// All measures of one image; arguments and errors as for `score`.
ImageMeasures measure(const Tensor& prediction, const Tensor& mask);

struct MapAndMask {
  Tensor map, mask;
};
/// Images [0, count) in parallel; load(i) is called from several threads.
std::vector<ImageMeasures> measure_all(int64_t count, const std::function<MapAndMask(int64_t)>& load);

/// The measures of a set in which image i counts times[i] times (once without `times`).  Throws
/// DataError for no images.
Measures average(const std::vector<ImageMeasures>& images, const std::vector<int32_t>& times = {});
Curves average_curves(const std::vector<ImageMeasures>& images);

}  // namespace camo::program
