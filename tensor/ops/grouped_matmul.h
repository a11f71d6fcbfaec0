// Products of uneven row groups with a matrix of their own: experts that are MLPs over routed rows.
#pragma once

#include "tensor/tensor.h"

namespace camo {

/// y[r] = weight[e] x[r] + bias[e] for r in [begin[e], begin[e+1]):  x (R, I), weight (E, O, I), bias (E, O) or undefined.
Tensor grouped_linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const std::vector<int64_t>& begin);

}  // namespace camo
