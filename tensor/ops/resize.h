// Bilinear and nearest resizing of (B, H, W, C) feature maps; no antialiasing (photographs: tensor/image/image.h).
#pragma once

#include "tensor/tensor.h"

namespace camo {

/// x (B, H, W, C) -> (B, height, width, C).  Pixels are squares and centres meet at (o + 1/2) H / height - 1/2;
/// with align_corners they are points and corners meet, at o (H - 1) / (height - 1).  Outside, the edge continues.
Tensor resize_bilinear(const Tensor& x, int64_t height, int64_t width, bool align_corners = false);
Tensor resize_bilinear_backward(const Tensor& dy, const Shape& x_shape, bool align_corners);
/// Output o is input floor(o H / height).
Tensor resize_nearest(const Tensor& x, int64_t height, int64_t width);
Tensor resize_nearest_backward(const Tensor& dy, const Shape& x_shape);

}  // namespace camo
