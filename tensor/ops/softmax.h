// softmax, log-softmax and log-sum-exp over the last axis, shifted by the row's maximum.
//
// x (..., C) is f32, f64 or bf16; sums are in acc_dtype(x).  A row gives NaN if it has a NaN, or only -infinity.
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);
Tensor logsumexp(const Tensor& x);  // (..., C) -> (...); C > 0
Tensor softmax_backward(const Tensor& dy, const Tensor& y);
Tensor log_softmax_backward(const Tensor& dy, const Tensor& y);

namespace kernel {
void softmax(Cpu, const Tensor& x, Tensor y);
void softmax(Cuda, const Tensor& x, Tensor y);
void log_softmax(Cpu, const Tensor& x, Tensor y);
void log_softmax(Cuda, const Tensor& x, Tensor y);
void logsumexp(Cpu, const Tensor& x, Tensor y);
void logsumexp(Cuda, const Tensor& x, Tensor y);
void softmax_backward(Cpu, const Tensor& dy, const Tensor& y, Tensor dx);
void softmax_backward(Cuda, const Tensor& dy, const Tensor& y, Tensor dx);
void log_softmax_backward(Cpu, const Tensor& dy, const Tensor& y, Tensor dx);
void log_softmax_backward(Cuda, const Tensor& dy, const Tensor& y, Tensor dx);
}  // namespace kernel

}  // namespace camo
