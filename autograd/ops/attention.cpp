// Attention saves q, k, v, y and one number per query and head; the backward pass recomputes the probabilities.
#include <cmath>
#include <cstdlib>

#include "autograd/ops.h"

namespace camo {

namespace {

/// (B, N, heads * D) -> (B, heads, N, D).
Var split(const Var& x, int heads) {
  return permute(reshape(x, {x.dim(0), x.dim(1), heads, x.dim(2) / heads}), {0, 2, 1, 3});
}

bool asked_by_environment() {
  const char* word = std::getenv("CAMO_ATTENTION");
  const std::string kind = word ? word : "flash";
  check<ConfigError>(kind == "flash" || kind == "plain", "CAMO_ATTENTION: is flash or plain, got '", kind, "'");
  return kind == "plain";
}
bool g_plain = false;

}  // namespace

void use_plain_attention(bool on) { g_plain = on; }
bool uses_plain_attention() {
  static const bool asked = asked_by_environment();
  return asked || g_plain;
}

Var plain_attention(const Var& q, const Var& k, const Var& v, int heads, double scale) {
  Var keys = split(k, heads);
  Var queries = split(q, heads) * (scale > 0 ? scale : 1 / std::sqrt(double(keys.dim(3))));
  Var y = matmul(softmax(matmul(queries, keys, Trans::no, Trans::yes)), split(v, heads));
  return reshape(permute(y, {0, 2, 1, 3}), {q.dim(0), q.dim(1), v.dim(2)});
}

Var attention(const Var& q, const Var& k, const Var& v, int heads, double scale) {
  if (uses_plain_attention()) return plain_attention(q, k, v, heads, scale);
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
