// How far the numbers of a map can be believed, and where to cut it.
//
// A map is a probability for each pixel.  It is calibrated if of the pixels with p = 0.7 seven in ten are object.  The
// reliability curve compares both in bins of p; the expected calibration error is their mean distance, each bin with the
// share of its pixels (Guo et al. 2017, "On calibration of modern neural networks", arXiv:1706.04599, with the
// probability of object in place of the confidence).  Every image has the same weight, whatever its size.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/metrics/metrics.h"

namespace camo::program {

/// What the threshold is chosen for, on the map as it is (the measures of metrics.h stretch it first).
enum class ThresholdMetric { iou, dice, f, accuracy };
constexpr auto names_of(ThresholdMetric) { return std::array{"IoU", "Dice", "F", "accuracy"}; }

struct ReliabilityBin {
  double share = 0;                       // of all pixels
  double probability = 0, frequency = 0;  // mean p, and the share of object, in the bin; 0 if it is empty
};

struct Calibration {
  int64_t images = 0;
  ThresholdMetric metric = ThresholdMetric::iou;
  double threshold = 0.5;                 // object where p > threshold; lies between two grey levels
  double at_threshold = 0, at_half = 0;   // mean of the metric over the images
  double error = 0;                       // expected calibration error
  std::vector<ReliabilityBin> bins = {};  // of equal width

  static constexpr int kBins = 15;
};

/// Sums over images.
class Calibrator {
 public:
  /// map, mask: u8 (H, W, 1), equal in size.
  void add(const Tensor& map, const Tensor& mask);
  /// The threshold with the best mean of the metric; of several the one nearest to 1/2.
  Calibration result(ThresholdMetric metric) const;

 private:
  int64_t images_ = 0;
  std::array<std::array<double, 256>, 2> share_{};  // mean share of pixels by truth and grey level, summed
  std::array<std::array<double, 255>, 4> score_{};  // of each metric at threshold (k + 1/2) / 255, summed
};

}  // namespace camo::program
