// Convolution on the CPU: depthwise.h if every channel has its own filter, else the matrix products of conv.h.
#include "tensor/ops/conv.h"

#include "tensor/cpu/kernels/conv.h"
#include "tensor/cpu/kernels/depthwise.h"

namespace camo::kernel {
namespace {

Conv sizes(const Shape& x, const Shape& weight, const ConvSpec& spec) {
  return {x[0],      x[1],        x[2],         x[3],          weight[0],   weight[1],
          weight[2], spec.stride, spec.padding, spec.dilation, spec.groups, spec.same};
}
bool is_depthwise(const Conv& s) { return s.groups == s.C && s.O == s.C; }
Depthwise depthwise_sizes(const Conv& s) {
  return {s.B, s.H, s.W, s.C, s.kh, s.kw, s.stride, s.padding, s.dilation, s.same};
}

}  // namespace

void conv2d(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor y) {
  const Conv s = sizes(x.shape(), weight.shape(), spec);
  with_float(x.dtype(), "conv2d", [&]<class T>() {
    using A = acc_t<T>;
    const A* b = bias.defined() ? bias.read<A>() : nullptr;
    if (is_depthwise(s))
      depthwise(x.read<T>(), weight.read<A>(), b, y.write<T>(), static_cast<T*>(nullptr), depthwise_sizes(s));
    else conv(x.read<T>(), weight.read<A>(), b, y.write<T>(), s);
  });
}

void depthwise_gelu(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvSpec& spec, Tensor before,
                    Tensor y) {
  const Conv s = sizes(x.shape(), weight.shape(), spec);
  with_float(x.dtype(), "depthwise_gelu", [&]<class T>() {
    using A = acc_t<T>;
    depthwise(x.read<T>(), weight.read<A>(), bias.defined() ? bias.read<A>() : nullptr,
              before.defined() ? before.write<T>() : nullptr, y.write<T>(), depthwise_sizes(s));
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

}  // namespace camo::kernel
