// Convolution on the GPU: what a pass over an image is, and the passes.  Used by cuda/ops/conv.cu.
//
// Forward and input gradient are one form: each pixel of the result adds up taps, pixels of the source some steps
// apart.  The input gradient of a convolution with stride s is s x s such passes, one for each remainder of a pixel's
// place, with the taps that meet those pixels; so nothing is multiplied by an inserted zero, and nothing is scattered.
#pragma once

#include "cuda/tools/launch.cuh"
#include "tensor/tensor.h"

namespace camo::cuda {

/// One axis of a pass.  Output i reads, for tap a, source i * step + base + a * delta, if that is inside; the tap's
/// weight stands at first + a * every of the kernel's axis.  delta > 0.
struct Axis {
  int outputs, source, taps;
  int step, base, delta;
  int first, every;
  int phase, over, length;  // output i is pixel phase + i * over of the result's `length`
};

Axis forward_axis(int source, int result, int taps, int stride, int padding, int dilation);
/// From dy (source) to the pixels phase, phase + stride, ... of dx (result).
Axis backward_axis(int source, int result, int taps, int stride, int padding, int dilation, int phase);

/// source (B, rows.source, cols.source, groups C), weight (groups, N, kh, kw, C), result (B, .length, .length, groups N).
struct Pass {
  Axis rows, cols;
  int64_t B;
  int C, N, groups, kh, kw;
  CAMO_HD int64_t pixels() const { return B * rows.outputs * cols.outputs; }
};

// T is float, double or bf16; sums are in acc_t<T>; bias (groups N) or null.  Bodies: conv.cu.
template <class T>
void conv_pass(Cuda where, const Pass& p, const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y);
/// dweight of the forward pass p.
template <class T> void conv_weight_pass(Cuda where, const Pass& p, const T* dy, const T* x, Tensor dweight);

// The same with a filter of its own for each of C channels: groups is 1, N is C; weight (kh, kw, C), dweight (C, kh, kw).
// Bodies: depthwise.cu.
template <class T>
void depthwise_pass(Cuda where, const Pass& p, const T* x, const acc_t<T>* weight, const acc_t<T>* bias, T* y);
template <class T> void depthwise_weight_pass(Cuda where, const Pass& p, const T* dy, const T* x, Tensor dweight);

}  // namespace camo::cuda
