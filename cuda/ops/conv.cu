// Convolution on the GPU: which kernel is used.
//
//   1 x 1                  a matrix product of the library (linear)
//   groups = C = O         cuda/kernels/depthwise.cu, bound by memory
//   everything else        cuda/kernels/conv.cu, products without tensor cores; windows are gathered into shared memory
//
// A kernel as wide as its stride, without padding, reads every pixel of a row once.  Then kw pixels of C channels are
// treated as one pixel of kw C channels, which leaves fewer taps and longer runs.
#include <numeric>

#include "cuda/kernels/conv.cuh"
#include "tensor/ops/conv.h"
#include "tensor/ops/elementwise.h"
#include "tensor/ops/layout.h"
#include "tensor/ops/matmul.h"

namespace camo::cuda {

Axis forward_axis(int source, int result, int taps, int stride, int padding, int dilation) {
  return {.outputs = result,
          .source = source,
          .taps = taps,
          .step = stride,
          .base = -padding,
          .delta = dilation,
          .first = 0,
          .every = 1,
          .phase = 0,
          .over = 1,
          .length = result};
}

Axis backward_axis(int source, int result, int taps, int stride, int padding, int dilation, int phase) {
  const int common = std::gcd(stride, dilation), every = stride / common;  // between taps that meet the same pixel
  int first = 0;
  while (first < std::min(every, taps) && (phase + padding - first * dilation) % stride) ++first;
  const int count = first < std::min(every, taps) ? (taps - 1 - first) / every + 1 : 0;
  const int last = count ? first + (count - 1) * every : 0;  // from the last tap, so that the source ascends
  return {.outputs = (result - phase + stride - 1) / stride,
          .source = source,
          .taps = count,
          .step = 1,
          .base = (phase + padding - last * dilation) / stride,
          .delta = dilation / common,
          .first = last,
          .every = -every,
          .phase = phase,
          .over = stride,
          .length = result};
}

}  // namespace camo::cuda

namespace camo::kernel {
namespace {

struct Sizes {
  int64_t B;
  int H, W, C, out_h, out_w, O, kh, kw, groups;
  int stride_h, stride_w, pad_h, pad_w, dilation;
  bool depthwise() const { return groups == C && O == C; }
  bool matrix() const { return kh * kw == 1 && stride_h == 1 && pad_h + pad_w == 0 && groups == 1; }

  cuda::Pass pass(const cuda::Axis& rows, const cuda::Axis& cols, int from, int to) const {
    const int share = depthwise() ? 1 : groups;
    cuda::Pass p{rows, cols, B, from / share, to / share, share, kh, kw};
    if (rows.taps * cols.taps == 0) p.rows.taps = p.cols.taps = 0;
    return p;
  }
  cuda::Pass forward() const {
    return pass(cuda::forward_axis(H, out_h, kh, stride_h, pad_h, dilation),
                cuda::forward_axis(W, out_w, kw, stride_w, pad_w, dilation), C, O);
  }
  template <class F> void each_backward(const F& f) const {
    for (int h = 0; h < std::min(stride_h, H); ++h)
      for (int w = 0; w < std::min(stride_w, W); ++w)
        f(pass(cuda::backward_axis(out_h, H, kh, stride_h, pad_h, dilation, h),
               cuda::backward_axis(out_w, W, kw, stride_w, pad_w, dilation, w), O, C));
  }
};

Sizes sizes(const Shape& x, const Shape& weight, const Shape& y, const ConvSpec& spec) {
  for (int64_t n : {x[1] + 2 * spec.padding, x[2] + 2 * spec.padding, x[3], weight[0], weight.product(1, 4),
                    spec.stride, spec.dilation})
    check(n < int64_t(1) << 30, "conv2d: on a GPU sides, channels and filters have fewer than 2^30 numbers, got x ", x,
          ", weight ", weight);
  Sizes s{x[0],
          int(x[1]),
          int(x[2]),
          int(x[3]),
          int(y[1]),
          int(y[2]),
          int(y[3]),
          int(weight[1]),
          int(weight[2]),
          int(spec.groups),
          int(spec.stride),
          int(spec.stride),
          int(spec.before(x[1], weight[1])),
          int(spec.before(x[2], weight[2])),
          int(spec.dilation)};
  const bool runs = s.groups == 1 && s.pad_w == 0 && s.kw == s.stride_w && (s.dilation == 1 || s.kw == 1);
  if (runs && s.W == s.out_w * s.kw) s.C *= s.kw, s.W = s.out_w, s.kw = 1, s.stride_w = 1;
  return s;
}

/// The weight of a 1 x 1 convolution, (O, 1, 1, C), as a matrix.
Tensor matrix(const Tensor& weight) { return weight.reshape({weight.dim(0), weight.dim(3)}); }
/// Depthwise weights (C, kh, kw, 1) as (kh kw, C), so that the channels of a tap are contiguous.
Tensor taps_first(const Tensor& weight) { return permute(weight.reshape({weight.dim(0), -1}), {1, 0}); }

}  // namespace

void conv2d(Cuda where, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor y) {
  const Sizes s = sizes(x.shape(), weight.shape(), y.shape(), spec);
  if (s.matrix()) return linear(where, x, matrix(weight), bias, Act::none, y);
  const Tensor w = s.depthwise() ? taps_first(weight) : weight;
  with_float(x.dtype(), "conv2d", [&]<class T>() {
    using A = acc_t<T>;
    const auto pass = s.depthwise() ? cuda::depthwise_pass<T> : cuda::conv_pass<T>;
    pass(where, s.forward(), x.read<T>(), w.read<A>(), bias.defined() ? bias.read<A>() : nullptr, y.write<T>());
  });
}

void depthwise_gelu(Cuda where, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec,
                    Tensor before, Tensor y) {
  conv2d(where, x, weight, bias, spec, before.defined() ? before : y);
  unary(where, Gelu{}, before.defined() ? before : y, y);
}

void conv2d_input_grad(Cuda where, const Tensor& dy, const Tensor& weight, const ConvSpec& spec, Tensor dx) {
  const Sizes s = sizes(dx.shape(), weight.shape(), dy.shape(), spec);
  if (s.matrix()) return linear_input_grad(where, dy, matrix(weight), dx);
  const auto turned = [&] {  // one filter for each channel of x, over the channels of y
    return permute(weight.reshape({s.groups, s.O / s.groups, s.kh * s.kw, s.C / s.groups}), {0, 3, 2, 1});
  };
  const Tensor w = s.depthwise() ? taps_first(weight) : turned();
  with_float(dy.dtype(), "conv2d", [&]<class T>() {
    const auto pass = s.depthwise() ? cuda::depthwise_pass<T> : cuda::conv_pass<T>;
    s.each_backward(
        [&](const cuda::Pass& p) { pass(where, p, dy.read<T>(), w.read<acc_t<T>>(), nullptr, dx.write<T>()); });
  });
}

void conv2d_weight_grad(Cuda where, const Tensor& dy, const Tensor& x, const ConvSpec& spec, Tensor dweight) {
  const Sizes s = sizes(x.shape(), dweight.shape(), dy.shape(), spec);
  if (s.matrix()) return linear_weight_grad(where, dy, x, matrix(dweight));
  with_float(dy.dtype(), "conv2d", [&]<class T>() {
    const auto pass = s.depthwise() ? cuda::depthwise_weight_pass<T> : cuda::conv_weight_pass<T>;
    pass(where, s.forward(), dy.read<T>(), x.read<T>(), dweight);
  });
}

}  // namespace camo::kernel
