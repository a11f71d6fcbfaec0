// Modules of both ConvNeXt and EdgeNeXt: the patch stem, the downsampling between stages, and the block of one large
// depthwise convolution and an MLP.
//
// Layer scale (gamma, one number per channel, initially near 0 so that a deep network starts like a shallow one) is
// folded into the last product: gamma (W u + b) = (gamma W) u + gamma b.  So it needs no pass over the map and
// keeps no copy of it.
// Sources: Liu et al. 2022, arXiv:2201.03545; Touvron et al. 2021, arXiv:2103.17239 (layer scale).
#pragma once

#include "nn/backbone.h"
#include "nn/layers.h"

namespace camo::nn {

constexpr double kLayerScale = 1e-6;  // initial gamma

/// 4 x 4 patches, then a norm: x (B, H, W, 3) -> (B, floor(H / 4), floor(W / 4), dim).
struct PatchStem : Module {
  Conv2d conv;
  LayerNorm norm;
  PatchStem(Scope s, int64_t dim, Init init)
      : Module(std::move(s)), conv(sub("0"), 3, dim, 4, {.stride = 4, .init = init}), norm(sub("1"), dim) {}
  Var forward(const Var& x) { return norm.forward(conv.forward(x)); }
};

/// A norm, then 2 x 2 patches: x (B, H, W, in) -> (B, floor(H / 2), floor(W / 2), out).
struct PatchDownsample : Module {
  LayerNorm norm;
  Conv2d conv;
  PatchDownsample(Scope s, int64_t in, int64_t out, Init init)
      : Module(std::move(s)), norm(sub("0"), in), conv(sub("1"), in, out, 2, {.stride = 2, .init = init}) {}
  Var forward(const Var& x) { return conv.forward(norm.forward(x)); }
};

/// x + drop_path(gamma * mlp(norm(conv_dw(x)))), kernel x kernel, MLP ratio 4; x (B, H, W, dim).
struct ConvBlock : Module {
  Var& gamma;
  DepthwiseConv2d conv_dw;
  LayerNorm norm;
  Mlp mlp;
  DropPath drop_path;
  ConvBlock(Scope s, int64_t dim, int64_t kernel, Init init, double drop)
      : Module(std::move(s)),
        gamma(parameter("gamma", {dim}, constant(kLayerScale), {.decay = false})),
        conv_dw(sub("conv_dw"), dim, kernel, {.init = init}),
        norm(sub("norm"), dim),
        mlp(sub("mlp"), dim, 4 * dim, init),
        drop_path(sub("drop_path"), drop) {}
  Var forward(const Var& x) {
    return x + drop_path.forward(mlp.forward_scaled(norm.forward(conv_dw.forward(x)), gamma));
  }
};

}  // namespace camo::nn
