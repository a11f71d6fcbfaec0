// Convolution saves x for the gradient of the weight, and the weight for the gradient of x.  A depthwise one has both and
// costs little, so its value is computed again.
#include <utility>

#include "autograd/ops.h"

namespace camo {

Var conv2d(const Var& x, const Var& weight, const Var& bias, const ConvSpec& spec) {
  Tensor y = conv2d(x.value(), weight.value(), bias.value(), spec);
  const Saved X = save_for(weight, x), W = save_for(x, weight);
  OpTraits traits{.macs_per_number = weight.shape().product(1, 4)};
  if (X.defined() && W.defined() && spec.groups == x.dim(3) && spec.groups > 1)
    traits.again = [X, W, B = bias.defined() ? save(bias) : Saved(), spec] {
      return conv2d(X.get(), W.get(), B.defined() ? B.get() : Tensor(), spec);
    };
  return record(
      "conv2d", y, {x, weight, bias},
      [X, W, xs = x.shape(), ws = weight.shape(), spec](const Tensor& dy, Grads& d) {
        if (d.wants(0)) d[0] = conv2d_input_grad(dy, W.get(), xs, spec);
        if (d.wants(1)) d[1] = conv2d_weight_grad(dy, X.get(), ws, spec);
        if (d.wants(2)) d[2] = column_sums(dy);
      },
      traits);
}

Var depthwise_gelu(const Var& x, const Var& weight, const Var& bias, const ConvSpec& spec) {
  Tensor y = depthwise_gelu(x.value(), weight.value(), bias.value(), spec);
  const Saved X = save(x), W = save(weight);
  // What goes into GELU, between the computation of y for a later op and the backward pass of this one.
  auto before = std::make_shared<Tensor>();
  OpTraits traits{.macs_per_number = weight.shape().product(1, 4)};
  traits.again = [X, W, B = bias.defined() ? save(bias) : Saved(), spec, before] {
    return depthwise_gelu(X.get(), W.get(), B.defined() ? B.get() : Tensor(), spec, before.get());
  };
  return record(
      "depthwise_gelu", y, {x, weight, bias},
      [X, W, before, xs = x.shape(), ws = weight.shape(), spec](const Tensor& dy, Grads& d) {
        d.value();  // fills *before; the value itself is let go
        const Tensor dh = unary_backward(dy, std::exchange(*before, {}), {}, Gelu{});
        if (d.wants(0)) d[0] = conv2d_input_grad(dh, W.get(), xs, spec);
        if (d.wants(1)) d[1] = conv2d_weight_grad(dh, X.get(), ws, spec);
        if (d.wants(2)) d[2] = column_sums(dh);
      },
      traits);
}

}  // namespace camo
