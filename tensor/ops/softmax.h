// softmax, log-softmax and log-sum-exp over the last axis, shifted by the row's maximum.
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor softmax(const Tensor& x);
Tensor log_softmax(const Tensor& x);
Tensor logsumexp(const Tensor& x);  // (..., C) -> (...)
Tensor softmax_backward(const Tensor& dy, const Tensor& y);
Tensor log_softmax_backward(const Tensor& dy, const Tensor& y);

}  // namespace camo
