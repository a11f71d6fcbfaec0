// Attention: every pixel asks the whole image, which is pooled to 7 x 7 tokens.  49 keys instead of H * W
// make the cost linear in the pixels, and unlike one pooled key they still say where.  The idea of pooled
// keys is that of Wang et al. 2021, "PVTv2", arXiv:2106.13797.  Cost a pixel: 1.5 C^2 + 49 C, an
// image: 49 C^2.
#pragma once

#include "moe/experts.h"

namespace camo::moe {

struct AttentionExpert : Expert {
  static constexpr int64_t kTokens = 7;
  static constexpr int kHeads = 2;
  int64_t inner;
  nn::LayerNorm norm;
  nn::Linear query, key, value;
  Pointwise all, fuse;

  AttentionExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        inner((dim + 3) / 4 * kHeads),
        norm(sub("norm"), dim),
        query(sub("query"), dim, inner),
        key(sub("key"), dim, inner),
        value(sub("value"), dim, inner),
        all(sub("all"), dim, dim / 4),
        fuse(sub("fuse"), inner + dim / 4, dim) {}

  Var forward(const Var& x) override {
    const int64_t B = x.dim(0), H = x.dim(1), W = x.dim(2), C = x.dim(3);
    Var tokens = reshape(norm.forward(adaptive_avg_pool(x, kTokens, kTokens)), {B, kTokens * kTokens, C});
    Var queries = reshape(query.forward(x), {B, H * W, inner});
    Var seen = attention(queries, key.forward(tokens), value.forward(tokens), kHeads);
    return fuse.forward(concat({reshape(seen, {B, H, W, inner}), all.forward(x)}, -1));
  }
};

}  // namespace camo::moe
