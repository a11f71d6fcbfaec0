// Average, max and adaptive average pooling of (B, H, W, C).
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct PoolSpec {
  int64_t kernel = 2, stride = 2, padding = 0;
};

Tensor avg_pool(const Tensor& x, const PoolSpec& spec);  // divides by kernel^2, padding counted
Tensor avg_pool_backward(const Tensor& dy, const Shape& x_shape, const PoolSpec& spec);
struct MaxPoolOut { Tensor y, index; };  // index: i64, position h * W + w of the first maximum
MaxPoolOut max_pool(const Tensor& x, const PoolSpec& spec);
Tensor max_pool_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape, const PoolSpec& spec);
Tensor adaptive_avg_pool(const Tensor& x, int64_t height, int64_t width);
Tensor adaptive_avg_pool_backward(const Tensor& dy, const Shape& x_shape);

}  // namespace camo
