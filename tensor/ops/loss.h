// Fused losses.
#pragma once

#include "tensor/tensor.h"

namespace camo {

/// max(z, 0) - z t + log(1 + e^-|z|) per element; logits and target have one shape and dtype.
Tensor bce_with_logits(const Tensor& logits, const Tensor& target);
/// dx = dy (sigmoid(z) - t).
Tensor bce_with_logits_backward(const Tensor& dy, const Tensor& logits, const Tensor& target);

struct CrossEntropyOut {
  Tensor loss, probability;
};  // loss (), probability (R, C)
/// Mean over rows of logsumexp(z) - z[label].  labels (R) i64 in [0, C) are checked; on a GPU the check waits for them.
CrossEntropyOut cross_entropy(const Tensor& logits, const Tensor& labels);
/// dx = dy / R (probability - one_hot(label)); dy is a scalar ().
Tensor cross_entropy_backward(const Tensor& dy, const Tensor& probability, const Tensor& labels);

namespace kernel {
void bce_with_logits(Cpu, const Tensor& logits, const Tensor& target, Tensor y);
void bce_with_logits(Cuda, const Tensor& logits, const Tensor& target, Tensor y);
void bce_with_logits_backward(Cpu, const Tensor& dy, const Tensor& logits, const Tensor& target, Tensor dx);
void bce_with_logits_backward(Cuda, const Tensor& dy, const Tensor& logits, const Tensor& target, Tensor dx);
void cross_entropy(Cpu, const Tensor& logits, const Tensor& labels, const CrossEntropyOut& out);
void cross_entropy(Cuda, const Tensor& logits, const Tensor& labels, const CrossEntropyOut& out);
void cross_entropy_backward(Cpu, const Tensor& dy, const Tensor& probability, const Tensor& labels, Tensor dx);
void cross_entropy_backward(Cuda, const Tensor& dy, const Tensor& probability, const Tensor& labels, Tensor dx);
}  // namespace kernel

}  // namespace camo
