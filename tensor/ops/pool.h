// Average, max and adaptive average pooling of (B, H, W, C).
//
// Windows start at o * stride - padding; H' = (H + 2 padding - kernel) / stride + 1, and padding is half a kernel at
// most, so that no window lies outside.
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct PoolSpec {
  int64_t kernel = 2, stride = 2, padding = 0;
};

Tensor avg_pool(const Tensor& x, const PoolSpec& spec);  // divides by kernel^2, padding counted
Tensor avg_pool_backward(const Tensor& dy, const Shape& x_shape, const PoolSpec& spec);
struct MaxPoolOut {
  Tensor y, index;
};  // index: i64, position h * W + w of the first maximum; NaN is the largest
MaxPoolOut max_pool(const Tensor& x, const PoolSpec& spec);
Tensor max_pool_backward(const Tensor& dy, const Tensor& index, const Shape& x_shape, const PoolSpec& spec);
/// Output i averages the inputs floor(i H / height) .. ceil((i + 1) H / height).
Tensor adaptive_avg_pool(const Tensor& x, int64_t height, int64_t width);
Tensor adaptive_avg_pool_backward(const Tensor& dy, const Shape& x_shape);

namespace kernel {
void max_pool(Cpu, const Tensor& x, const PoolSpec& spec, MaxPoolOut& out);
void max_pool(Cuda, const Tensor& x, const PoolSpec& spec, MaxPoolOut& out);
void max_pool_backward(Cpu, const Tensor& dy, const Tensor& index, const PoolSpec& spec, Tensor dx);
void max_pool_backward(Cuda, const Tensor& dy, const Tensor& index, const PoolSpec& spec, Tensor dx);
}  // namespace kernel

}  // namespace camo
