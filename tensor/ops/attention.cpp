// Attention: checks and allocation.  Kernels: tensor/cpu/ops/attention.cpp, cuda/ops/attention.cu.
#include "tensor/ops/attention.h"

#include <cmath>

namespace camo {
namespace {

void check_attention(const char* op, const Tensor& q, const Tensor& k, const Tensor& v, int heads) {
  check<DTypeError>(is_float(q.dtype()), op, ": takes f32, f64 or bf16, got ", q.dtype(), " ", q.shape());
  check_same(op, q, k);
  check_same(op, q, v);
  check(q.rank() == 3 && k.rank() == 3, op, ": q is (B, N, heads*D), k and v (B, M, heads*D), got q ", q.shape(),
        ", k ", k.shape());
  check(k.shape() == v.shape() && k.dim(0) == q.dim(0) && k.dim(2) == q.dim(2), op,
        ": k and v have one shape and the batch and channels of q, got q ", q.shape(), ", k ", k.shape(), ", v ",
        v.shape());
  check(heads > 0 && q.dim(2) > 0 && q.dim(2) % heads == 0, op, ": channels do not divide into ", heads, " heads: q ",
        q.shape());
  check(k.dim(1) > 0, op, ": needs a key: k ", k.shape());
}

double scale_or_default(const Tensor& q, int heads, double scale) {
  return scale > 0 ? scale : 1 / std::sqrt(double(q.dim(2) / heads));
}

}  // namespace

AttentionOut attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads, double scale) {
  check_attention("attention", q, k, v, heads);
  AttentionOut out{empty_like(q), empty({q.dim(0), heads, q.dim(1)}, acc_dtype(q.dtype()), q.device())};
  on(q.device(), [&](auto where) { kernel::attention(where, q, k, v, heads, scale_or_default(q, heads, scale), out); });
  return out;
}

AttentionGrads attention_backward(const Tensor& dy, const Tensor& q, const Tensor& k, const Tensor& v,
                                  const AttentionOut& out, int heads, double scale) {
  check_attention("attention_backward", q, k, v, heads);
  check_same("attention_backward", dy, q);
  check(dy.shape() == q.shape() && out.y.shape() == q.shape(), "attention_backward: dy ", dy.shape(), " and y ",
        out.y.shape(), " for q ", q.shape());
  AttentionGrads grads{empty_like(q), empty_like(k), empty_like(v)};
  on(q.device(), [&](auto where) {
    kernel::attention_backward(where, dy, q, k, v, out, heads, scale_or_default(q, heads, scale), grads);
  });
  return grads;
}

}  // namespace camo
