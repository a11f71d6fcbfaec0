// The COD family: six experts that look for camouflaged objects in a feature map in different ways.
//
// All are built from the same parts and cost about 2 C^2 multiply-adds per pixel, so the cost of a batch does not
// depend on its routing.  All normalise per pixel.
#pragma once

#include <algorithm>

#include "moe/experts.h"

namespace camo::moe::cod {

// Texture: the same few channels at four dilations.  A camouflaged animal repeats the texture of its background, but
// seldom at all scales.  Cost per pixel: 2 C^2 + 9 C.

struct TextureExpert : DilatedViews {
  TextureExpert(nn::Scope s, int64_t dim)
      : DilatedViews(std::move(s), dim, {{{1, true}, {2, true}, {4, true}, {8, true}}}) {}
};

// Frequency: low, middle and high bands, from differences of box means.  What is invisible in one band often stands out
// in another.  Cost per pixel: 2 C^2, plus the sums of two poolings.

struct FrequencyExpert : Expert {
  FourViews bands;

  FrequencyExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)), bands({sub("low"), sub("mid"), sub("high"), sub("all"), sub("fuse")}, dim) {}

  Var forward(const Var& x) override {
    Var smooth = avg_pool(x, {.kernel = 3, .stride = 1, .padding = 1});
    Var smoother = avg_pool(x, {.kernel = 5, .stride = 1, .padding = 2});
    return bands.join({bands.first.forward(smooth), bands.second.forward(smooth - smoother),
                       bands.third.forward(x - smooth), bands.fourth.forward(x)});
  }
};

// Edge: gradient magnitude, Laplacian, both, and the map itself.  Cost per pixel: 2 C^2 + 27 C.

struct EdgeExpert : Expert {
  EdgeFilters filters;
  FourViews edges;

  EdgeExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        filters(sub("filters"), dim),
        edges({sub("slope"), sub("curve"), sub("both"), sub("all"), sub("fuse")}, dim) {}

  Var forward(const Var& x) override {
    auto [slope2, bend] = filters.forward(x);
    return edges.join({edges.first.forward(magnitude(slope2)), edges.second.forward(abs(bend)),
                       edges.third.forward(magnitude(slope2 + square(bend))), edges.fourth.forward(x)});
  }

 private:
  // The small constant keeps the derivative of the root finite where the map is flat.
  static Var magnitude(const Var& squared) { return sqrt(squared + 1e-6); }
};

// Contrast: centre minus surround at three sizes, like the receptive fields of the retina.  The surround is a learned
// filter per channel.  Cost per pixel: 2 C^2 + 21 C.

/// Reduces C to C / 4 channels and subtracts from each its k x k surround.
struct SurroundBranch : nn::Module {
  nn::Linear squeeze;
  nn::DepthwiseConv2d surround;
  nn::LayerNorm norm;
  SurroundBranch(nn::Scope s, int64_t in, int64_t out, int64_t kernel)
      : Module(std::move(s)),
        squeeze(sub("squeeze"), in, out),
        surround(sub("surround"), out, kernel),
        norm(sub("norm"), out) {}
  Var forward(const Var& x) {
    Var centre = squeeze.forward(x);
    return gelu(norm.forward(centre - surround.forward(centre)));
  }
};

struct ContrastExpert : Expert {
  SurroundBranch small, medium, large;
  Pointwise all, fuse;

  ContrastExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        small(sub("small"), dim, dim / 4, 3),
        medium(sub("medium"), dim, dim / 4, 5),
        large(sub("large"), dim, dim / 4, 7),
        all(sub("all"), dim, dim - 3 * (dim / 4)),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    return fuse.forward(concat({small.forward(x), medium.forward(x), large.forward(x), all.forward(x)}, -1));
  }
};

// Attention: every pixel attends to the whole image, pooled to 7 x 7 tokens.  49 keys instead of H * W make the cost
// linear in the number of pixels, and unlike a single pooled key they keep positions.  Pooled keys follow Wang et al.
// 2021, "PVTv2", arXiv:2106.13797.  Cost per pixel: 1.5 C^2 + 49 C, per image: 49 C^2.

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

// Hybrid: a local view, gated per channel by the content of the whole image.  Cost per pixel: 2 C^2 + 25 C.

struct HybridExpert : Expert {
  nn::DepthwiseConv2d filter;
  Pointwise local;
  ChannelGate gate;
  Pointwise fuse;

  HybridExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        filter(sub("filter"), dim, 5),
        local(sub("local"), dim, dim),
        gate(sub("squeeze"), sub("excite"), dim, std::max<int64_t>(dim / 16, 1)),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    Var open = gate.forward(x);
    return fuse.forward(local.forward(filter.forward(x)) * open);
  }
};

}  // namespace camo::moe::cod
