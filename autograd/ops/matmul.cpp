// Matrix products.  Each operand is saved only for the gradient of the other.
#include "autograd/ops.h"

namespace camo {

Var matmul(const Var& a, const Var& b, Trans ta, Trans tb) {
  Tensor y = matmul(a.value(), b.value(), ta, tb);
  const int64_t inner = a.dim(ta == Trans::no ? -1 : -2);
  return record("matmul", y, {a, b},
                [A = save_for(b, a), B = save_for(a, b), ta, tb, as = a.shape(), bs = b.shape(), at = a.dtype(),
                 bt = b.dtype()](const Tensor& dy, Grads& d) {
                  if (d.wants(0)) d[0] = matmul_left_grad(dy, B.get(), ta, tb, as, at);
                  if (d.wants(1)) d[1] = matmul_right_grad(dy, A.get(), ta, tb, bs, bt);
                },
                {.macs_per_number = inner});
}

Var linear(const Var& x, const Var& weight, const Var& bias, Act act) {
  const bool wanted = x.wants_grad() || weight.wants_grad() || bias.wants_grad();
  if (act != Act::none && wanted && recording()) {  // own node: the derivative needs the value before or after act
    Var y = linear(x, weight, bias);
    return act == Act::relu ? relu(y) : gelu(y);
  }
  Tensor y = linear(x.value(), weight.value(), bias.value(), act);
  return record("linear", y, {x, weight, bias},
                [X = save_for(weight, x), W = save_for(x, weight)](const Tensor& dy, Grads& d) {
                  if (d.wants(0)) d[0] = linear_input_grad(dy, W.get());
                  if (d.wants(1)) d[1] = linear_weight_grad(dy, X.get());
                  if (d.wants(2)) d[2] = column_sums(dy);
                },
                {.macs_per_number = weight.dim(-1)});
}

Var grouped_linear(const Var& x, const Var& weight, const Var& bias, const std::vector<int64_t>& begin) {
  Tensor y = grouped_linear(x.value(), weight.value(), bias.value(), begin);
  return record("grouped_linear", y, {x, weight, bias},
                [X = save_for(weight, x), W = save_for(x, weight), begin](const Tensor& dy, Grads& d) {
                  GroupedLinearGrads g =
                      grouped_linear_backward(dy, d.wants(1) ? X.get() : Tensor(), d.wants(0) ? W.get() : Tensor(),
                                              begin, d.wants(0), d.wants(1), d.wants(2));
                  if (d.wants(0)) d[0] = g.dx;
                  if (d.wants(1)) d[1] = g.dweight;
                  if (d.wants(2)) d[2] = g.dbias;
                },
                {.macs_per_number = weight.dim(-1)});
}

}  // namespace camo
