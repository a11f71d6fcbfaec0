// Depthwise convolution of (B, H, W, C): every channel has its own kh x kw kernel.
//
// Vectors run over channels.  Stride 1 without dilation and k = 3, 5, 7, 9 is register-blocked: eleven output pixels of
// one vector of channels share their taps (image sides 88, 44, 22, 11 are multiples of eleven).  k = 3 is bound by
// memory.  Everything else takes the plain path, one pixel and its list of taps at a time.  Both paths add the taps of
// a pixel in the same order.  Weights have the layout of conv2d, (C, kh, kw), and are transposed once inside.
// Inputs are not checked here.
#pragma once

#include "tensor/dtype.h"
#include "tensor/ops/conv.h"

namespace camo::kernel {

/// Sizes of the convolution x (B, H, W, C) -> y (B, out_h, out_w, C), groups = C.
struct Depthwise {
  int64_t B, H, W, C, kh, kw, stride = 1, padding = 0, dilation = 1;
  bool same = false;  // as in ConvSpec
  ConvSpec spec() const { return {stride, padding, dilation, 1, same}; }
  int64_t out_h() const { return spec().outputs(H, kh); }
  int64_t out_w() const { return spec().outputs(W, kw); }
  int64_t pad_h() const { return spec().before(H, kh); }  // above
  int64_t pad_w() const { return spec().before(W, kw); }  // left
};

/// y = x * weight + bias, and active = gelu(y); y or active may be null.  T is float, double or bf16; weight (C, kh, kw);
/// bias (C) or null.
template <class T>
void depthwise(const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y, T* active, const Depthwise& s);
/// The gradient dx.
template <class T> void depthwise_input_grad(const T* dy, const acc_t<T>* weight, T* dx, const Depthwise& s);
/// The gradients dweight (C, kh, kw) and dbias (C, or null).  Rows of y are cut into chunks by the shape alone; each
/// chunk has its own sums, and the chunks are added in order.
template <class T>
void depthwise_weight_grad(const T* dy, const T* x, acc_t<T>* dweight, acc_t<T>* dbias, const Depthwise& s);

}  // namespace camo::kernel
