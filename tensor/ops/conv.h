// Convolution of (B, H, W, C) images: cross-correlation with zero padding.
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct ConvSpec {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  bool same = false;  // TensorFlow's padding instead of `padding`: ceil(H / stride) outputs, the odd zero at the end

  /// The number of outputs along an axis of x for a kernel of `taps` taps.
  int64_t outputs(int64_t length, int64_t taps) const {
    return same ? (length + stride - 1) / stride : (length + 2 * padding - dilation * (taps - 1) - 1) / stride + 1;
  }
  /// The number of zeros before the first pixel.
  int64_t before(int64_t length, int64_t taps) const {
    if (!same) return padding;
    const int64_t missing = (outputs(length, taps) - 1) * stride + dilation * (taps - 1) + 1 - length;
    return missing > 0 ? missing / 2 : 0;
  }
};

/// x (B, H, W, I), weight (O, kh, kw, I / groups), bias (O) or undefined -> (B, H', W', O),
/// H' = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, or ceil(H / stride) if `same`.  Weight and bias are in
/// acc_dtype(x).
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec);
/// gelu(conv2d(x, weight, bias, spec)) with a filter per channel (spec.groups = I = O), to the same bits in one pass.
/// before: if not null, receives the result of the convolution.
Tensor depthwise_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec,
                      Tensor* before = nullptr);
/// The gradients of conv2d: for x in the dtype of dy, for the weight in acc_dtype(dy).  The gradient of bias is
/// column_sums(dy).
Tensor conv2d_input_grad(const Tensor& dy, const Tensor& weight, const Shape& x_shape, const ConvSpec& spec);
Tensor conv2d_weight_grad(const Tensor& dy, const Tensor& x, const Shape& weight_shape, const ConvSpec& spec);

/// Whether the CPU computes f32 convolutions of 3 x 3 with stride 1 by Winograd's F(4 x 4, 3 x 3), which multiplies a quarter
/// as often (tensor/cpu/kernels/winograd.h).  On by default.  It changes the last digits, so a run records it.
bool winograd();
void use_winograd(bool on);

namespace kernel {
void conv2d(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor y);
void conv2d(Cuda, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor y);
/// `before` may be undefined.
void depthwise_gelu(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor before,
                    Tensor y);
void depthwise_gelu(Cuda, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec,
                    Tensor before, Tensor y);
void conv2d_input_grad(Cpu, const Tensor& dy, const Tensor& weight, const ConvSpec& spec, Tensor dx);
void conv2d_input_grad(Cuda, const Tensor& dy, const Tensor& weight, const ConvSpec& spec, Tensor dx);
void conv2d_weight_grad(Cpu, const Tensor& dy, const Tensor& x, const ConvSpec& spec, Tensor dweight);
void conv2d_weight_grad(Cuda, const Tensor& dy, const Tensor& x, const ConvSpec& spec, Tensor dweight);
}  // namespace kernel

}  // namespace camo
