// Convolution of (B, H, W, C) images as matrix products (gemm.h), without an im2col copy.
//
// Row m of the left operand is the window of output pixel m.  It is one run of channels per tap, or one run per kernel
// row where taps are neighbours in memory, and a run of zeros where the window leaves the image.
//
//   forward           y = (windows of x) W^T
//   input gradient    dx = (windows of dy) W.  For stride s, the pixels of each phase (h mod s, w mod s) see their own
//                     subset of taps, so no time goes into multiplying by inserted zeros.
//   weight gradient   dW = dy^T (windows of x)
//
// Inputs are not checked here.
#pragma once

#include "tensor/dtype.h"
#include "tensor/ops/conv.h"

namespace camo::kernel {

/// Sizes of x (B, H, W, C) -> y (B, out_h, out_w, O) with weight (O, kh, kw, C / groups).
struct Conv {
  int64_t B, H, W, C, O, kh, kw, stride = 1, padding = 0, dilation = 1, groups = 1;
  bool same = false;  // as in ConvSpec
  ConvSpec spec() const { return {stride, padding, dilation, 1, same}; }
  int64_t out_h() const { return spec().outputs(H, kh); }
  int64_t out_w() const { return spec().outputs(W, kw); }
  int64_t pad_h() const { return spec().before(H, kh); }  // above
  int64_t pad_w() const { return spec().before(W, kw); }  // left
};

/// T is float, double or bf16; bias (O) or null.
template <class T> void conv(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, const Conv& s);
template <class T> void conv_input_grad(const T* dy, const acc_t<T>* weight, T* dx, const Conv& s);
template <class T> void conv_weight_grad(const T* dy, const T* x, acc_t<T>* dweight, const Conv& s);

/// The definition.
template <class T> void conv_plain(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, const Conv& s);

}  // namespace camo::kernel
