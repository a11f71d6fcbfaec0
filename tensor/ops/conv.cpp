// Convolution: checks of shapes and dtypes.  Kernels: tensor/cpu/ops/conv.cpp, cuda/ops/conv.cu.
#include "tensor/ops/conv.h"

namespace camo {
namespace {

/// Checks x and weight, and returns the shape of y.
Shape output_shape(const char* op, const Shape& x, const Shape& weight, const ConvSpec& spec) {
  check(x.rank() == 4 && weight.rank() == 4, op, ": x (B, H, W, I) and weight (O, kh, kw, I / groups), got x ", x,
        ", weight ", weight);
  check(spec.stride > 0 && spec.dilation > 0 && spec.padding >= 0 && spec.groups > 0, op,
        ": stride, dilation and groups are 1 or more, padding 0 or more, got ", spec.stride, ", ", spec.dilation, ", ",
        spec.groups, ", ", spec.padding);
  check(x[3] % spec.groups == 0 && weight[0] % spec.groups == 0, op, ": groups divide the channels of x and of y, got ",
        spec.groups, " groups, x ", x, ", weight ", weight);
  check(weight[3] * spec.groups == x[3], op, ": weight ", weight, " reads ", weight[3] * spec.groups, " channels, x ",
        x, " has ", x[3]);
  auto length = [&](int axis) {
    const int64_t reach = spec.dilation * (weight[axis] - 1) + 1, room = x[axis] + 2 * spec.padding;
    check(weight[axis] > 0 && (spec.same || reach <= room), op, ": the window has to fit the padded image, got x ", x,
          ", weight ", weight, ", dilation ", spec.dilation, ", padding ", spec.padding);
    return spec.outputs(x[axis], weight[axis]);
  };
  return {x[0], length(1), length(2), weight[0]};
}

/// Checks the operands and allocates y.
Tensor empty_result(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec) {
  const Shape shape = output_shape(op, x.shape(), weight.shape(), spec);
  check(!bias.defined() || bias.shape() == Shape{weight.dim(0)}, op, ": bias (O) for weight ", weight.shape(), ", got ",
        bias.shape());
  check<DTypeError>(is_float(x.dtype()) && weight.dtype() == acc_dtype(x.dtype()) &&
                        (!bias.defined() || bias.dtype() == weight.dtype()),
                    op, ": weight and bias are f32, or f64 with f64, got x ", x.dtype(), " ", x.shape(), ", weight ",
                    weight.dtype(), " ", weight.shape());
  check<DeviceError>(x.device() == weight.device(), op, ": x on ", x.device(), ", weight on ", weight.device());
  return empty(shape, x.dtype(), x.device());
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec) {
  Tensor y = empty_result("conv2d", x, weight, bias, spec);
  on(x.device(), [&](auto where) { kernel::conv2d(where, x, weight, bias, spec, y); });
  return y;
}

Tensor depthwise_gelu(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor* before) {
  Tensor y = empty_result("depthwise_gelu", x, weight, bias, spec);
  check(spec.groups == x.dim(3) && weight.dim(0) == x.dim(3), "depthwise_gelu: one filter per channel, got x ",
        x.shape(), ", weight ", weight.shape(), ", ", spec.groups, " groups [gelu(conv2d(...))]");
  if (before) *before = empty(y.shape(), y.dtype(), y.device());
  on(x.device(),
     [&](auto where) { kernel::depthwise_gelu(where, x, weight, bias, spec, before ? *before : Tensor(), y); });
  return y;
}

Tensor conv2d_input_grad(const Tensor& dy, const Tensor& weight, const Shape& x_shape, const ConvSpec& spec) {
  check(dy.shape() == output_shape("conv2d", x_shape, weight.shape(), spec), "conv2d_input_grad: dy ", dy.shape(),
        " is no result of x ", x_shape, ", weight ", weight.shape());
  Tensor dx = empty(x_shape, dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::conv2d_input_grad(where, dy, weight, spec, dx); });
  return dx;
}

Tensor conv2d_weight_grad(const Tensor& dy, const Tensor& x, const Shape& weight_shape, const ConvSpec& spec) {
  check(dy.shape() == output_shape("conv2d", x.shape(), weight_shape, spec), "conv2d_weight_grad: dy ", dy.shape(),
        " is no result of x ", x.shape(), ", weight ", weight_shape);
  Tensor dweight = empty(weight_shape, acc_dtype(dy.dtype()), dy.device());
  on(dy.device(), [&](auto where) { kernel::conv2d_weight_grad(where, dy, x, spec, dweight); });
  return dweight;
}

}  // namespace camo
