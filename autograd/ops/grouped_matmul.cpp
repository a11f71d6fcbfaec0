#include "autograd/ops.h"

namespace camo {

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
