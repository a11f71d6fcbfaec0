// Convolution of (B, H, W, C) images: cross-correlation with zero padding.
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct ConvSpec {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
};

/// x (B, H, W, I), weight (O, kh, kw, I / groups), bias (O) or undefined -> (B, H', W', O),
/// H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec);
Tensor conv2d_input_grad(const Tensor& dy, const Tensor& weight, const Shape& x_shape, const ConvSpec& spec);
Tensor conv2d_weight_grad(const Tensor& dy, const Tensor& x, const Shape& weight_shape, const ConvSpec& spec);

}  // namespace camo
