// Bilinear and nearest resizing of (B, H, W, C) feature maps; no antialiasing (photographs: tensor/image.h).
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor resize_bilinear(const Tensor& x, int64_t height, int64_t width, bool align_corners = false);
Tensor resize_bilinear_backward(const Tensor& dy, const Shape& x_shape, bool align_corners);
Tensor resize_nearest(const Tensor& x, int64_t height, int64_t width);
Tensor resize_nearest_backward(const Tensor& dy, const Shape& x_shape);

}  // namespace camo
