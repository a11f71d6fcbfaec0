// Fused losses.
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor bce_with_logits(const Tensor& logits, const Tensor& target);
Tensor bce_with_logits_backward(const Tensor& dy, const Tensor& logits, const Tensor& target);
struct CrossEntropyOut { Tensor loss, probability; };  // loss (), probability (R, C)
CrossEntropyOut cross_entropy(const Tensor& logits, const Tensor& labels);

}  // namespace camo
