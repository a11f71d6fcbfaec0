// Convolution of (B, H, W, C) images as matrix products over runs of memory (gemm.h): no im2col copy.
//
// Row m of the left operand is the window of output pixel m: one run of channels per tap, or one per kernel
// row where taps are neighbours in memory, and a run of zeros where the window leaves the image.
//
//   forward       y  = windows of x  times W^T
//   input grad    dx = windows of dy times W: for stride s the pixels of each phase (h mod s, w mod s) see
//   their
//                 own subset of taps, so that no multiplication by an inserted zero happens
//   weight grad   dW = dy^T times windows of x
//
// Called by tensor/ops/conv.cpp; trusts its inputs.
#pragma once

#include "tensor/dtype.h"

namespace camo::kernel {

/// Sizes of x (B, H, W, C) -> y (B, out_h, out_w, O) with weight (O, kh, kw, C / groups).
struct Conv {
  int64_t B, H, W, C, O, kh, kw, stride = 1, padding = 0, dilation = 1, groups = 1;
  int64_t out_h() const { return (H + 2 * padding - dilation * (kh - 1) - 1) / stride + 1; }
  int64_t out_w() const { return (W + 2 * padding - dilation * (kw - 1) - 1) / stride + 1; }
};

/// T is float, double or bf16; bias (O) or null.
template <class T> void conv(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, const Conv& s);
template <class T> void conv_input_grad(const T* dy, const acc_t<T>* weight, T* dx, const Conv& s);
template <class T> void conv_weight_grad(const T* dy, const T* x, acc_t<T>* dweight, const Conv& s);

/// The definition.
template <class T> void conv_plain(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, const Conv& s);

}  // namespace camo::kernel
