#include "moe/sdta.h"

#include <algorithm>
#include <cmath>

namespace camo::moe {
namespace {

/// (B, N, heads * D) -> (B, heads, N, D).
Var split(const Var& x, int heads) {
  return permute(reshape(x, {x.dim(0), x.dim(1), heads, x.dim(2) / heads}), {0, 2, 1, 3});
}
Var join(const Var& x) { return reshape(permute(x, {0, 2, 1, 3}), {x.dim(0), x.dim(2), x.dim(1) * x.dim(3)}); }

/// elu(x) + 1: x + 1 for x > 0, else e^x; the derivative at 0 is 1.
Var positive(const Var& x) {
  Var above = relu(x);
  return above + exp(x - above);
}

Var linear_attention(const Var& q, const Var& k, const Var& v, int heads) {
  Var queries = positive(split(q, heads)), keys = positive(split(k, heads));
  Var above = matmul(queries, matmul(keys, split(v, heads), Trans::yes));
  Var below = matmul(queries, sum(keys, {2}, /*keep=*/true), Trans::no, Trans::yes);
  return join(above / (below + 1e-12));  // avoids 0 / 0 where every feature underflows
}

Var attend(AttentionKind kind, const Var& q, const Var& k, const Var& v, int heads) {
  switch (kind) {
    case AttentionKind::flash: return attention(q, k, v, heads);
    case AttentionKind::plain: return plain_attention(q, k, v, heads);
    case AttentionKind::linear: break;
  }
  return linear_attention(q, k, v, heads);
}

}  // namespace

int sdta_heads(int64_t dim) {
  int heads = 8;
  while (dim % heads != 0) --heads;
  return heads;
}

SdtaEncoder::SdtaEncoder(nn::Scope s, int64_t dim, const SdtaOptions& options)
    : Module(std::move(s)),
      options(options),
      heads(sdta_heads(dim)),
      qkv(sub("qkv"), dim, 3 * dim, {.bias = false}),
      proj(sub("proj"), dim, dim),
      drop(sub("drop"), options.dropout) {}

Var SdtaEncoder::forward(const Var& x) {
  auto [B, H, W, C] = dims<4>(x.value(), "SdtaEncoder: x (B, H, W, C)");
  const bool pooled = options.pool_above > 0 && H * W > options.pool_above * options.pool_above;
  Var tokens = reshape(x, {B, H * W, C});
  // Projection and mean commute, so pooling first gives the same keys at a lower cost.
  Var seen = pooled ? reshape(adaptive_avg_pool(x, options.pool_to, options.pool_to),
                              {B, options.pool_to * options.pool_to, C})
                    : tokens;
  Var y = attend(options.kind, qkv.forward_rows(tokens, 0, C), qkv.forward_rows(seen, C, 2 * C),
                 qkv.forward_rows(seen, 2 * C, 3 * C), heads);
  return drop.forward(proj.forward(reshape(y, {B, H, W, C})));
}

SdtaBlock::SdtaBlock(nn::Scope s, int64_t dim)
    : Module(std::move(s)),
      squeeze(sub("squeeze"), dim, std::max<int64_t>(dim / 8, 8), {.bias = false}),
      excite(sub("excite"), squeeze.weight.dim(0), dim, {.bias = false}),
      around(sub("around"), dim, 5, {.bias = false}),
      place(sub("place"), dim, 1, {.bias = false}) {}

Var SdtaBlock::forward(const Var& x) {
  dims<4>(x.value(), "SdtaBlock: x (B, H, W, C)");
  Var channels = sigmoid(excite.forward(relu(squeeze.forward(mean(x, {1, 2}, /*keep=*/true)))));
  Var x1 = x * channels;
  return x1 * sigmoid(place.forward(around.forward(x1))) + 0.1 * x;
}

}  // namespace camo::moe
