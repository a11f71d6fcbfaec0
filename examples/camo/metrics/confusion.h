// Measures of a map at a threshold, which depend on four counts alone.
//
// E: Fan, Gong, Cao, Ren, Cheng, Borji 2018, "Enhanced-alignment measure for binary foreground map evaluation";
//    Fan, Ji, Qin, Cheng 2021, "Cognitive vision inspired object segmentation metric and loss function".
// F: Achanta, Hemami, Estrada, Suesstrunk 2009, "Frequency-tuned salient region detection", beta^2 = 0.3.
// 0 / 0 counts as 0 throughout: an empty mask scores F = IoU = Dice = 0, whatever is predicted.
#pragma once

#include "examples/camo/metrics/map_and_mask.h"

namespace camo::program {

/// Numbers of pixels by prediction (positive: at or above the threshold) and truth.
struct Confusion {
  int64_t tp = 0, fp = 0, fn = 0, tn = 0;

  double precision() const { return ratio(double(tp), double(tp + fp)); }
  double recall() const { return ratio(double(tp), double(tp + fn)); }
  double iou() const { return ratio(double(tp), double(tp + fp + fn)); }
  double dice() const { return ratio(2 * double(tp), double(2 * tp + fp + fn)); }
  double f_measure() const;
  double e_measure() const;

 private:
  static double ratio(double a, double b) { return b == 0 ? 0 : a / b; }
};

/// A value for each threshold t in 0..255, for the binarisation floor(255 p) >= t.
using Curve = std::array<double, 256>;
struct Curves {
  Curve e{}, f{}, precision{}, recall{};
};
Curves curves_of(const GreyPair& pair);

/// The binarisations p > 1/2 and p >= 2 mean(p), but at most 1 (the adaptive threshold).
Confusion at_half(const GreyPair& pair);
Confusion at_adaptive(const GreyPair& pair);

}  // namespace camo::program
