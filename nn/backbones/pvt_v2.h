// PVTv2, a pyramid vision transformer with four stages.  Keys and values of its attention come from a map that a
// strided convolution has shrunk.  Its MLPs contain a depthwise convolution, which also encodes positions: there is no
// positional embedding.
//
// Maps stay (B, H, W, C) throughout; attention uses the same memory as tokens (B, H W, C).  Names and epsilons are
// timm's, so that its weight files load.  Source: Wang et al. 2022, arXiv:2106.13797.
#pragma once

#include "nn/backbone.h"
#include "nn/layers.h"

namespace camo::nn {

struct PvtV2Config {
  std::string name;
  std::vector<int64_t> dims, depths, mlp_ratios;
  bool linear = false;  // keys and values from 7 x 7 average pooling, in every stage
};

/// A strided, overlapping convolution, then a norm: x (B, H, W, in) -> (B, ceil(H / stride), ..., out).
struct PvtPatchEmbed : Module {
  Conv2d proj;
  LayerNorm norm;
  PvtPatchEmbed(Scope s, int64_t in, int64_t out, int64_t kernel, int64_t stride);
  Var forward(const Var& x) { return norm.forward(proj.forward(x)); }
};

/// Queries from every token; keys and values from the map shrunk by `reduction` (1: not shrunk; kPooled: average-pooled
/// to 7 x 7, then a 1 x 1 convolution, norm and GELU).
struct PvtAttention : Module {
  Linear q, kv, proj;
  std::unique_ptr<Conv2d> sr;
  std::unique_ptr<LayerNorm> norm;
  int heads;
  bool pooled;
  static constexpr int64_t kPooled = 0;
  PvtAttention(Scope s, int64_t dim, int heads, int64_t reduction);
  Var forward(const Var& x);  // (B, H, W, C) -> (B, H, W, C)
};

/// fc2(gelu(dwconv(before(fc1(x))))): an activation follows the depthwise convolution; the linear variant has a ReLU
/// before it as well.
struct PvtMlp : Module {
  Linear fc1;
  DepthwiseConv2d dwconv;
  Linear fc2;
  PvtMlp(Scope s, int64_t dim, int64_t hidden, Act before);
  Var forward(const Var& x) {
    return fc2.forward(depthwise_gelu(fc1.forward(x), dwconv.weight, dwconv.bias, dwconv.spec));
  }
};

struct PvtBlock : Module {
  LayerNorm norm1;
  PvtAttention attn;
  DropPath drop_path1;
  LayerNorm norm2;
  PvtMlp mlp;
  DropPath drop_path2;
  PvtBlock(Scope s, int64_t dim, int heads, int64_t reduction, int64_t mlp_ratio, double drop_path);
  Var forward(const Var& x);
};

/// [downsample] -> blocks -> norm; the normalised map is both the feature and the next stage's input.
struct PvtStage : Module {
  std::unique_ptr<PvtPatchEmbed> downsample;  // stage 0 has none
  List<PvtBlock> blocks;
  LayerNorm norm;
  PvtStage(Scope s, const PvtV2Config& config, int stage, const std::vector<double>& drop_path);
  Var forward(Var x);
};

struct PvtV2 : Backbone {
  PvtPatchEmbed patch_embed;
  List<PvtStage> stages;
  static const std::vector<PvtV2Config>& configs();  // b0 ... b5, b2_li
  PvtV2(Scope s, const PvtV2Config& config, const BackboneOptions& options);
  /// Any H, W >= 29; sizes round up at every stage.
  std::vector<Var> forward(const Var& x) override;
};

}  // namespace camo::nn
