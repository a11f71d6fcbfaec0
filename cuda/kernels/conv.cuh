// Convolution on the GPU as passes over an image.  Used by cuda/ops/conv.cu.
//
// Forward and input gradient have one form: each pixel of the result sums over taps, source pixels that are some steps
// apart.  The input gradient of a convolution with stride s takes s x s such passes, one for each remainder of a
// pixel's row and column mod s, with the taps that meet those pixels.  So nothing is multiplied by an inserted zero,
// and nothing is scattered.
#pragma once

#include "cuda/tools/launch.cuh"
#include "tensor/tensor.h"

namespace camo::cuda {

/// One axis of a pass.  Output i reads, for tap a, source i * step + base + a * delta, if that is inside.  The tap's
/// weight is at first + a * every of the kernel's axis.  delta > 0.
struct Axis {
  int outputs, source, taps;
  int step, base, delta;
  int first, every;
  int phase, over, length;  // output i is pixel phase + i * over of the result's `length` pixels
};

Axis forward_axis(int source, int result, int taps, int stride, int padding, int dilation);
/// The axis of a backward pass from dy (source) to the pixels phase, phase + stride, ... of dx (result).
Axis backward_axis(int source, int result, int taps, int stride, int padding, int dilation, int phase);

/// source (B, rows.source, cols.source, groups C), weight (groups, N, kh, kw, C),
/// result (B, rows.length, cols.length, groups N).
struct Pass {
  Axis rows, cols;
  int64_t B;
  int C, N, groups, kh, kw;
  CAMO_HD int64_t pixels() const { return B * rows.outputs * cols.outputs; }
};

// T is float, double or bf16; sums are in acc_t<T>; bias is (groups N) or null.  Defined in conv.cu.
template <class T>
void conv_pass(Cuda where, const Pass& p, const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y);
/// The weight gradient of the forward pass p.
template <class T> void conv_weight_pass(Cuda where, const Pass& p, const T* dy, const T* x, Tensor dweight);

// The same for depthwise convolution, where each of C channels has its own filter: groups is 1, N is C; weight (kh, kw,
// C), dweight (C, kh, kw).  Defined in depthwise.cu.
template <class T>
void depthwise_pass(Cuda where, const Pass& p, const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y);
template <class T> void depthwise_weight_pass(Cuda where, const Pass& p, const T* dy, const T* x, Tensor dweight);

}  // namespace camo::cuda
