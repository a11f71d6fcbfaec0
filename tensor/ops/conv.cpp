// Convolution: shapes, types, and which kernel serves: depthwise.h where every channel has its own filter,
// else the products of cpu/conv.h.
#include "tensor/ops/conv.h"

#include "tensor/cpu/kernels/conv.h"
#include "tensor/cpu/kernels/depthwise.h"

namespace camo {
namespace kernel {
namespace {

Conv sizes(const Shape& x, const Shape& weight, const ConvSpec& spec) {
  return {x[0],      x[1],        x[2],         x[3],          weight[0],  weight[1],
          weight[2], spec.stride, spec.padding, spec.dilation, spec.groups};
}
bool is_depthwise(const Conv& s) { return s.groups == s.C && s.O == s.C; }
Depthwise depthwise_sizes(const Conv& s) { return {s.B, s.H, s.W, s.C, s.kh, s.kw, s.stride, s.padding, s.dilation}; }

}  // namespace

void conv2d(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor y) {
  const Conv s = sizes(x.shape(), weight.shape(), spec);
  with_float(x.dtype(), "conv2d", [&]<class T>() {
    using A = acc_t<T>;
    const A* b = bias.defined() ? bias.read<A>() : nullptr;
    if (is_depthwise(s)) depthwise(x.read<T>(), weight.read<A>(), b, y.write<T>(), depthwise_sizes(s));
    else conv(x.read<T>(), weight.read<A>(), b, y.write<T>(), s);
  });
}

void conv2d_input_grad(Cpu, const Tensor& dy, const Tensor& weight, const ConvSpec& spec, Tensor dx) {
  const Conv s = sizes(dx.shape(), weight.shape(), spec);
  with_float(dy.dtype(), "conv2d", [&]<class T>() {
    using A = acc_t<T>;
    if (is_depthwise(s)) depthwise_input_grad(dy.read<T>(), weight.read<A>(), dx.write<T>(), depthwise_sizes(s));
    else conv_input_grad(dy.read<T>(), weight.read<A>(), dx.write<T>(), s);
  });
}

void conv2d_weight_grad(Cpu, const Tensor& dy, const Tensor& x, const ConvSpec& spec, Tensor dweight) {
  const Conv s = sizes(x.shape(), dweight.shape(), spec);
  with_float(dy.dtype(), "conv2d", [&]<class T>() {
    using A = acc_t<T>;
    if (is_depthwise(s))
      depthwise_weight_grad(dy.read<T>(), x.read<T>(), dweight.write<A>(), static_cast<A*>(nullptr),
                            depthwise_sizes(s));
    else conv_weight_grad(dy.read<T>(), x.read<T>(), dweight.write<A>(), s);
  });
}

}  // namespace kernel

namespace {

/// The shape of y, and every rule that x and weight have to keep.
Shape output_shape(const Shape& x, const Shape& weight, const ConvSpec& spec) {
  check(x.rank() == 4 && weight.rank() == 4, "conv2d: x (B, H, W, I) and weight (O, kh, kw, I / groups), got x ", x,
        ", weight ", weight);
  check(spec.stride > 0 && spec.dilation > 0 && spec.padding >= 0 && spec.groups > 0,
        "conv2d: stride, dilation and groups are 1 ", "or more, padding 0 or more, got ", spec.stride, ", ",
        spec.dilation, ", ", spec.groups, ", ", spec.padding);
  check(x[3] % spec.groups == 0 && weight[0] % spec.groups == 0,
        "conv2d: groups divide the channels of x and of y, got ", spec.groups, " groups, x ", x, ", weight ", weight);
  check(weight[3] * spec.groups == x[3], "conv2d: weight ", weight, " reads ", weight[3] * spec.groups, " channels, x ",
        x, " has ", x[3]);
  auto length = [&](int axis) {
    const int64_t reach = spec.dilation * (weight[axis] - 1) + 1, room = x[axis] + 2 * spec.padding;
    check(weight[axis] > 0 && reach <= room, "conv2d: the window has to fit the padded image, got x ", x, ", weight ",
          weight, ", dilation ", spec.dilation, ", padding ", spec.padding);
    return (room - reach) / spec.stride + 1;
  };
  return {x[0], length(1), length(2), weight[0]};
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec) {
  const Shape shape = output_shape(x.shape(), weight.shape(), spec);
  check(!bias.defined() || bias.shape() == Shape{weight.dim(0)}, "conv2d: bias (O) for weight ", weight.shape(),
        ", got ", bias.shape());
  check<DTypeError>(is_float(x.dtype()) && weight.dtype() == acc_dtype(x.dtype()) &&
                        (!bias.defined() || bias.dtype() == weight.dtype()),
                    "conv2d: weight and bias are f32, or f64 with f64, got x ", x.dtype(), " ", x.shape(), ", weight ",
                    weight.dtype(), " ", weight.shape());
  check<DeviceError>(x.device() == weight.device(), "conv2d: x on ", x.device(), ", weight on ", weight.device());
  Tensor y = empty(shape, x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::conv2d(where, x, weight, bias, spec, y); });
  return y;
}

Tensor conv2d_input_grad(const Tensor& dy, const Tensor& weight, const Shape& x_shape, const ConvSpec& spec) {
  check(dy.shape() == output_shape(x_shape, weight.shape(), spec), "conv2d_input_grad: dy ", dy.shape(),
        " is no result of x ", x_shape, ", weight ", weight.shape());
  Tensor dx = empty(x_shape, dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::conv2d_input_grad(where, dy, weight, spec, dx); });
  return dx;
}

Tensor conv2d_weight_grad(const Tensor& dy, const Tensor& x, const Shape& weight_shape, const ConvSpec& spec) {
  check(dy.shape() == output_shape(x.shape(), weight_shape, spec), "conv2d_weight_grad: dy ", dy.shape(),
        " is no result of x ", x.shape(), ", weight ", weight_shape);
  Tensor dweight = empty(weight_shape, acc_dtype(dy.dtype()), dy.device());
  on(dy.device(), [&](auto where) { kernel::conv2d_weight_grad(where, dy, x, spec, dweight); });
  return dweight;
}

}  // namespace camo
