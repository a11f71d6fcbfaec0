// Products of uneven row groups with a matrix of their own: experts that are MLPs over routed rows.
#pragma once

#include "tensor/tensor.h"

namespace camo {

/// y[r] = weight[e] x[r] + bias[e] for r in [begin[e], begin[e+1]):  x (R, I), weight (E, O, I), bias (E, O)
/// or undefined.
Tensor grouped_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const std::vector<int64_t>& begin);

struct GroupedLinearGrads {
  Tensor dx, dweight, dbias;
};
/// Its gradients, each only if wanted; an expert without rows gets zeros.
GroupedLinearGrads grouped_linear_backward(const Tensor& dy, const Tensor& x, const Tensor& weight,
                                           const std::vector<int64_t>& begin, bool want_x, bool want_weight,
                                           bool want_bias);

}  // namespace camo
