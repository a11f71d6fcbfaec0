// Layer norm and batch norm: checks of shapes and dtypes.  Formulas: tensor/cpu/ops/norm.cpp.
#include "tensor/ops/norm.h"

namespace camo {
namespace {

/// Checks that x has a last axis of C > 0 and that all vectors match it.
void check_channels(const char* op, const Tensor& x, const char* names, std::initializer_list<const Tensor*> vectors) {
  check<DTypeError>(is_float(x.dtype()), op, ": takes f32, f64 or bf16, got ", x.dtype(), " ", x.shape());
  check(x.rank() > 0 && x.dim(-1) > 0, op, ": x (..., C) with C > 0, got ", x.shape());
  for (const Tensor* v : vectors) {
    check(v->shape() == Shape{x.dim(-1)}, op, ": x (..., C) takes ", names, " of (C), got x ", x.shape(), " and ",
          v->shape());
    check<DTypeError>(v->dtype() == acc_dtype(x.dtype()), op, ": x of ", x.dtype(), " takes ", names, " of ",
                      acc_dtype(x.dtype()), ", got ", v->dtype());
    check<DeviceError>(v->device() == x.device(), op, ": x is on ", x.device(), ", ", names, " on ", v->device());
  }
}

void check_gradient(const char* op, const Tensor& dy, const Tensor& x) {
  check_same(op, dy, x);
  check(dy.shape() == x.shape(), op, ": dy ", dy.shape(), " for x ", x.shape());
}

}  // namespace

LayerNormOut layer_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps) {
  check_channels("layer_norm", x, "gain and bias", {&gain, &bias});
  const Shape rows{x.numel() / x.dim(-1)};
  const DType stat = acc_dtype(x.dtype());
  LayerNormOut out{empty_like(x), empty(rows, stat, x.device()), empty(rows, stat, x.device())};
  on(x.device(), [&](auto where) { kernel::layer_norm(where, x, gain, bias, eps, out); });
  return out;
}

NormGrads layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& mean,
                              const Tensor& rstd) {
  check_gradient("layer_norm_backward", dy, x);
  check_channels("layer_norm_backward", x, "gain", {&gain});
  check(mean.numel() * x.dim(-1) == x.numel() && rstd.shape() == mean.shape(),
        "layer_norm_backward: one mean and rstd for each row of x ", x.shape(), ", got ", mean.shape(), " and ",
        rstd.shape());
  NormGrads out{empty_like(x), empty_like(gain), empty_like(gain)};
  on(x.device(), [&](auto where) { kernel::layer_norm_backward(where, dy, x, gain, mean, rstd, out); });
  return out;
}

BatchStats batch_stats(const Tensor& x) {
  check<DTypeError>(is_float(x.dtype()), "batch_stats: takes f32, f64 or bf16, got ", x.dtype());
  check(x.rank() > 0 && x.numel() > 0, "batch_stats: no elements: x ", x.shape());
  const Shape channels{x.dim(-1)};
  const DType stat = acc_dtype(x.dtype());
  BatchStats out{empty(channels, stat, x.device()), empty(channels, stat, x.device())};
  on(x.device(), [&](auto where) { kernel::batch_stats(where, x, out); });
  return out;
}

Tensor batch_norm(const Tensor& x, const Tensor& gain, const Tensor& bias, const BatchStats& stats, double eps) {
  check_channels("batch_norm", x, "gain and bias", {&gain, &bias});
  check_channels("batch_norm", x, "mean and variance", {&stats.mean, &stats.variance});
  Tensor y = empty_like(x);
  on(x.device(), [&](auto where) { kernel::batch_norm(where, x, gain, bias, stats, eps, y); });
  return y;
}

NormGrads batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gain, const BatchStats& stats,
                              double eps, bool from_batch) {
  check_gradient("batch_norm_backward", dy, x);
  check_channels("batch_norm_backward", x, "mean and variance", {&stats.mean, &stats.variance});
  NormGrads out{empty_like(x), empty_like(gain), empty_like(gain)};
  on(x.device(), [&](auto where) { kernel::batch_norm_backward(where, dy, x, gain, stats, eps, from_batch, out); });
  return out;
}

}  // namespace camo
