// Multi-head attention with an online softmax: O(N) memory, without a score matrix.
#pragma once

#include "tensor/tensor.h"

namespace camo {

struct AttentionOut {
  Tensor y, lse;
};  // lse (B, heads, N), acc_dtype: log-sum-exp of each score row
/// softmax(scale q k^T) v for each head.
///   q      (B, N, heads*D), k and v (B, M, heads*D), one dtype: f32, f64 or bf16
///   scale  <= 0 means 1/sqrt(D)
/// Throws ShapeError unless the channels divide into heads and there is at least one key.
AttentionOut attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads, double scale = 0);
struct AttentionGrads {
  Tensor dq, dk, dv;
};
/// out is the result of attention() for the same q, k, v, heads and scale.
AttentionGrads attention_backward(const Tensor& dy, const Tensor& q, const Tensor& k, const Tensor& v,
                                  const AttentionOut& out, int heads, double scale);

namespace kernel {
/// q, y, dq, dy (B, N, heads, D); k, v and gradients (B, M, heads, D); lse (B, heads, N).  M > 0, D > 0.
struct Attention {
  int64_t B, heads, N, M, D;
  double scale;
  CAMO_HD int64_t query(int64_t b, int64_t h, int64_t i) const { return ((b * N + i) * heads + h) * D; }
  CAMO_HD int64_t key(int64_t b, int64_t h, int64_t j) const { return ((b * M + j) * heads + h) * D; }
};
inline Attention attention_sizes(const Tensor& q, const Tensor& k, int heads, double scale) {
  return {q.dim(0), heads, q.dim(1), k.dim(1), q.dim(2) / heads, scale};
}

void attention(Cpu, const Tensor& q, const Tensor& k, const Tensor& v, int heads, double scale, AttentionOut& out);
void attention(Cuda, const Tensor& q, const Tensor& k, const Tensor& v, int heads, double scale, AttentionOut& out);
void attention_backward(Cpu, const Tensor& dy, const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionOut& out, int heads, double scale, AttentionGrads& grads);
void attention_backward(Cuda, const Tensor& dy, const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionOut& out, int heads, double scale, AttentionGrads& grads);
}  // namespace kernel

}  // namespace camo
