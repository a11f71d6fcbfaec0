// Matrix products.  The kernels are in tensor/cpu/gemm.h.
#pragma once

#include "tensor/tensor.h"

namespace camo {

enum class Trans : uint8_t { no, yes };
enum class Act : uint8_t { none, relu, gelu };

/// a (..., M, K) x b (..., K, N) -> (..., M, N); see autograd/ops.h.  Result in a's dtype.
/// a and b have one dtype; b may be f32 with a bf16.
Tensor matmul(const Tensor& a, const Tensor& b, Trans ta = Trans::no, Trans tb = Trans::no);
/// act(x W^T + b): x (..., I), weight (O, I), bias (O) or undefined.  bf16 x with f32 weight is legal.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Act act = Act::none);
struct LinearGrads { Tensor dx, dweight, dbias; };
/// Gradients of x W^T + b; each only if wanted (dweight and dbias in the weight's dtype).
LinearGrads linear_backward(const Tensor& dy, const Tensor& x, const Tensor& weight, bool want_x, bool want_weight, bool want_bias);
/// Column sums: x (..., C) -> (C) in acc_dtype, fixed chunks.  The gradient of every bias.
Tensor column_sums(const Tensor& x);

}  // namespace camo
