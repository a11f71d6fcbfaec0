// Multi-head attention with an online softmax: memory O(N), never a score matrix.
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct AttentionOut { Tensor y, lse; };  // lse (B, heads, N), acc_dtype: log-sum-exp of each score row
/// q (B, N, heads*D), k and v (B, M, heads*D).  scale <= 0 means 1/sqrt(D).
AttentionOut attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads, double scale = 0);
struct AttentionGrads { Tensor dq, dk, dv; };
AttentionGrads attention_backward(const Tensor& dy, const Tensor& q, const Tensor& k, const Tensor& v,
                                  const AttentionOut& out, int heads, double scale);

}  // namespace camo
