// Convolution saves x for the gradient of the weight, and the weight for the gradient of x.
#include "autograd/ops.h"

namespace camo {

Var conv2d(const Var& x, const Var& weight, const Var& bias, const ConvSpec& spec) {
  Tensor y = conv2d(x.value(), weight.value(), bias.value(), spec);
  return record("conv2d", y, {x, weight, bias},
                [X = save_for(weight, x), W = save_for(x, weight), xs = x.shape(), ws = weight.shape(), spec](
                    const Tensor& dy, Grads& d) {
                  if (d.wants(0)) d[0] = conv2d_input_grad(dy, W.get(), xs, spec);
                  if (d.wants(1)) d[1] = conv2d_weight_grad(dy, X.get(), ws, spec);
                  if (d.wants(2)) d[2] = column_sums(dy);
                },
                {.macs_per_number = weight.shape().product(1, 4)});
}

}  // namespace camo
