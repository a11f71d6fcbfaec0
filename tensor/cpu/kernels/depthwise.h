// Depthwise convolution of (B, H, W, C): every channel with its own kh x kw kernel.
//
// Channels are the vector axis.  Stride 1 without dilation and k = 3, 5, 7, 9 runs register-blocked: eleven output
// pixels (88, 44, 22, 11 are multiples) of one vector of channels share their taps.  At k = 3 it is bound by memory.
// Everything else takes the plain path: one pixel, its list of taps.  Both add the taps of a pixel in the same
// order.  Weights are in memory as conv2d has them, (C, kh, kw), and are transposed once inside.
// Called by tensor/ops/conv.cpp; trusts its inputs.
#pragma once

#include "tensor/dtype.h"

namespace camo::kernel {

/// Sizes of the convolution x (B, H, W, C) -> y (B, out_h, out_w, C), groups = C.
struct Depthwise {
  int64_t B, H, W, C, kh, kw, stride = 1, padding = 0, dilation = 1;
  int64_t out_h() const { return (H + 2 * padding - dilation * (kh - 1) - 1) / stride + 1; }
  int64_t out_w() const { return (W + 2 * padding - dilation * (kw - 1) - 1) / stride + 1; }
};

/// y = x * weight + bias.  T is float, double or bf16; weight (C, kh, kw); bias (C) or null.
template <class T> void depthwise(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, const Depthwise& s);
/// dx of the above.
template <class T> void depthwise_input_grad(const T* dy, const acc_t<T>* weight, T* dx, const Depthwise& s);
/// dweight (C, kh, kw), and dbias (C) unless null.  Rows of y are cut into chunks by the shape alone; each chunk
/// sums on its own and the chunks are added in order.
template <class T>
void depthwise_weight_grad(const T* dy, const T* x, acc_t<T>* dweight, acc_t<T>* dbias, const Depthwise& s);

}  // namespace camo::kernel
