// Attention saves q, k, v, y and one number per query and head; the backward pass recomputes the probabilities.
#include "autograd/ops.h"

namespace camo {

Var attention(const Var& q, const Var& k, const Var& v, int heads, double scale) {
  AttentionOut out = attention(q.value(), k.value(), v.value(), heads, scale);
  return record(
      "attention", out.y, {q, k, v},
      [=, Q = save(q), K = save(k), V = save(v), Y = Saved(out.y), lse = Saved(out.lse)](const Tensor& dy, Grads& d) {
        AttentionGrads g = attention_backward(dy, Q.get(), K.get(), V.get(), {Y.get(), lse.get()}, heads, scale);
        d[0] = g.dq, d[1] = g.dk, d[2] = g.dv;
      },
      {.macs_per_number = 2 * k.dim(1), .heads = heads});  // two products, each over the keys
}

}  // namespace camo
