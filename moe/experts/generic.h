// The generic family: seven experts that are useful for any dense prediction, as in the dense CamoXpert.
//
// A branch has q = C / 4 channels; the last branch takes the remainder if 4 does not divide C.  Norms are over the
// channels of a pixel, as everywhere (experts.h).
#pragma once

#include "moe/experts.h"
#include "moe/sdta.h"

namespace camo::moe::generic {

// Texture: four dilations, each with a full 3 x 3 convolution over its own channels.  Cost per pixel: 4.25 C^2.

struct TextureExpert : DilatedViews {
  TextureExpert(nn::Scope s, int64_t dim) : DilatedViews(std::move(s), dim, {{{1}, {2}, {3}, {4}}}) {}
};

// Attention: every pixel attends to all others.  On maps larger than 32 x 32, keys and values are pooled;
// otherwise this expert would cost many times as much as the others.  Cost per pixel: 4 C^2 + 2 N C with N pixels;
// pooled: 2 C^2 + 242 C.

struct AttentionExpert : Expert {
  SdtaEncoder encoder;
  AttentionExpert(nn::Scope s, int64_t dim, AttentionKind kind = AttentionKind::flash, int64_t pool_above = 32)
      : Expert(std::move(s)), encoder(sub("encoder"), dim, {.kind = kind, .dropout = 0.1, .pool_above = pool_above}) {}
  Var forward(const Var& x) override { return encoder.forward(x); }
};

// Hybrid: a local view, gated per channel by the whole image.  Cost per pixel: 2 C^2 + 25 C.

struct HybridExpert : Expert {
  nn::DepthwiseConv2d filter;
  nn::LayerNorm norm;
  nn::Linear local;
  ChannelGate gate;
  nn::Linear fuse;

  HybridExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        filter(sub("filter"), dim, 5),
        norm(sub("norm"), dim),
        local(sub("local"), dim, dim),
        gate(sub("squeeze"), sub("excite"), dim, dim / 4),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    Var near = gelu(local.forward(norm.forward(filter.forward(x))));
    return fuse.forward(near * gate.forward(x));
  }
};

// Frequency: low, high and middle bands, from differences of box means.  Cost per pixel: 2 C^2.

struct FrequencyExpert : Expert {
  FourViews bands;
  FrequencyExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        bands({sub("bands.first"), sub("bands.second"), sub("bands.third"), sub("bands.fourth"), sub("bands.fuse")},
              dim) {}

  Var forward(const Var& x) override {
    Var low = avg_pool(x, {.kernel = 3, .stride = 1, .padding = 1});
    Var lower = avg_pool(x, {.kernel = 5, .stride = 1, .padding = 2});
    return bands.forward(low, low - lower, x - low, x);
  }
};

// Edge: gradient magnitude, Laplacian, both, and the map itself.  Cost per pixel: 2 C^2 + 27 C.

struct EdgeExpert : Expert {
  EdgeFilters filters;
  FourViews edges;
  EdgeExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        filters(sub("filters"), dim),
        edges({sub("edges.first"), sub("edges.second"), sub("edges.third"), sub("edges.fourth"), sub("edges.fuse")},
              dim) {}

  Var forward(const Var& x) override {
    auto [slope2, bend] = filters.forward(x);
    slope2 = slope2 + 1e-8;  // keeps the derivative of the root finite where the map is flat
    return edges.forward(sqrt(slope2), abs(bend), sqrt(slope2 + square(bend) + 1e-8), x);
  }
};

// Semantic context: the image pooled to 8 x 8, 4 x 4, 2 x 2 and 1 x 1.  The fine map itself is left out because the
// layer adds it.  Pyramid pooling: Zhao, Shi, Qi, Wang, Jia 2017, arXiv:1612.01105.  Cost per pixel: C^2.

struct ContextExpert : Expert {
  FourViews levels;

  ContextExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)), levels({sub("fine"), sub("mid"), sub("coarse"), sub("whole"), sub("fuse")}, dim) {}

  Var forward(const Var& x) override {
    auto level = [&](Pointwise& p, int64_t side) {
      return resize_bilinear(p.forward(adaptive_avg_pool(x, side, side)), x.dim(1), x.dim(2));
    };
    return levels.join(
        {level(levels.first, 8), level(levels.second, 4), level(levels.third, 2), level(levels.fourth, 1)});
  }
};

// Contrast: a learned 3 x 3 filter per channel, then two pointwise layers.  Cost per pixel: 2 C^2 + 9 C.

struct ContrastExpert : Expert {
  nn::DepthwiseConv2d filter;
  nn::LayerNorm norm;
  nn::Linear mix;
  nn::LayerNorm mix_norm;
  Pointwise fuse;

  ContrastExpert(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        filter(sub("filter"), dim, 3),
        norm(sub("norm"), dim),
        mix(sub("mix"), dim, dim),
        mix_norm(sub("mix_norm"), dim),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    Var local = gelu(norm.forward(filter.forward(x)));
    return fuse.forward(mix_norm.forward(mix.forward(local)));
  }
};

}  // namespace camo::moe::generic
