// How good a predicted map is: MAE, IoU and Dice of one image, on 8-bit maps.
//
// Definitions as in PySODMetrics, so that figures compare with published ones:
//   truth       G = mask > 128
//   prediction  p = v / 255, stretched to [0, 1] by its own minimum and maximum (a constant map stays)
//   MAE         mean |p - G|
//   IoU, Dice   of p > 0.5 (strict) with G; 0 when nothing is predicted and nothing is there
// All in f64.  Figures of a set are means over its images, each counted once whatever its size.
#pragma once

#include "tensor/tensor.h"

namespace camo::program {

struct ImageScores {
  double mae = 0, iou = 0, dice = 0;
};

/// prediction, mask: u8 (H, W, 1) or (H, W), equal in size.  Throws ShapeError, DTypeError.
ImageScores score(const Tensor& prediction, const Tensor& mask);

}  // namespace camo::program
