// How good a predicted map is: MAE, IoU and Dice of one image, on 8-bit maps.
//
// Definitions as in PySODMetrics, so that figures compare with published ones:
//   truth       G = mask > 128
//   prediction  p = v / 255, stretched to [0, 1] by its own minimum and maximum (a constant map stays as it is)
//   MAE         mean |p - G|
//   IoU, Dice   of p > 0.5 (strict) with G; 0 when nothing is predicted and nothing is there
// All in f64.  Figures of a set are means over images, each counted once whatever its size.
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct Scores {
  double mae = 0, iou = 0, dice = 0;
};

/// prediction, mask: u8 (H, W, 1) or (H, W), equal in size.  Throws ShapeError, DTypeError.
Scores score_map(const Tensor& prediction, const Tensor& mask);

/// Means over images, in the order they were added.
class MeanScores {
 public:
  void add(const Scores& s) { sum_.mae += s.mae, sum_.iou += s.iou, sum_.dice += s.dice, ++count_; }
  int64_t count() const { return count_; }
  /// NaN when nothing was added.
  Scores mean() const { return {sum_.mae / double(count_), sum_.iou / double(count_), sum_.dice / double(count_)}; }

 private:
  Scores sum_;
  int64_t count_ = 0;
};

}  // namespace camo
