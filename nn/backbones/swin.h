// Swin, a pyramid transformer whose attention stays within windows of 7 x 7.  Every other block shifts its windows, so
// that tokens separated in one block meet in the next.
//
// A learned bias per head and relative position replaces positional embeddings.  As in timm, the windows follow from
// the image size that the network is built for (BackboneOptions): a map no larger than a window is one window, and not
// shifted.  Images of other sizes are accepted, as with timm's strict_img_size=False.
// The features are the outputs of the stages, without timm's final norm.  Names are timm's.
// Source: Liu et al. 2021, arXiv:2103.14030.  Read next: tensor/ops/window_attention.h.
#pragma once

#include "nn/backbone.h"
#include "nn/layers.h"

namespace camo::nn {

struct SwinConfig {
  std::string name, alias;  // alias: timm's own name
  std::vector<int64_t> dims, depths;
  std::vector<int> heads;
};

/// The row of the bias table for query i and key j of a window, (n * n) i64: (dy + h - 1) (2 w - 1) + dx + w - 1.
Tensor relative_position_index(int64_t height, int64_t width);
/// Resizes the table of a square window, ((2h' - 1)^2, heads), to another window, ((2h - 1) (2w - 1), heads):
/// interpolates linearly between distances that grow geometrically, as timm does.  WeightsError if the table is not
/// for a square window.
Tensor resize_relative_table(const Tensor& table, int64_t height, int64_t width);
/// Window and shift of a block for the map that it is built for: at most 7, and the whole map if that is no larger.
WindowSpec swin_window(int64_t height, int64_t width, bool shifted);

struct WindowAttention : Module {
  Var& relative_position_bias_table;
  Linear qkv, proj;
  int heads;
  WindowSpec window;
  Tensor index;
  WindowAttention(Scope s, int64_t dim, int heads, const WindowSpec& window);
  Var forward(const Var& x);  // (B, H, W, C) -> (B, H, W, C)
};

struct SwinBlock : Module {
  LayerNorm norm1;
  WindowAttention attn;
  DropPath drop_path1;
  LayerNorm norm2;
  Mlp mlp;
  DropPath drop_path2;
  SwinBlock(Scope s, int64_t dim, int heads, const WindowSpec& window, double drop_path);
  Var forward(const Var& x);
};

/// Joins the four pixels of each 2 x 2 patch (columns vary slower than rows), then norm and projection:
/// x (B, H, W, dim) -> (B, ceil(H / 2), ceil(W / 2), 2 dim).
struct PatchMerging : Module {
  LayerNorm norm;
  Linear reduction;
  PatchMerging(Scope s, int64_t dim);
  Var forward(Var x);
};

/// [downsample] -> blocks, for maps of height x width
struct SwinStage : Module {
  std::unique_ptr<PatchMerging> downsample;  // stage 0 has none
  List<SwinBlock> blocks;
  SwinStage(Scope s, const SwinConfig& config, int stage, int64_t height, int64_t width,
            const std::vector<double>& drop_path);
  Var forward(Var x);
};

struct SwinPatchEmbed : Module {
  Conv2d proj;
  LayerNorm norm;
  SwinPatchEmbed(Scope s, int64_t dim);
  Var forward(const Var& x) { return norm.forward(proj.forward(x)); }
};

struct Swin : Backbone {
  SwinPatchEmbed patch_embed;
  List<SwinStage> layers;
  static const std::vector<SwinConfig>& configs();  // tiny, small
  Swin(Scope s, const SwinConfig& config, const BackboneOptions& options);
  /// Any H, W divisible by 4; then sizes round up at every stage.
  std::vector<Var> forward(const Var& x) override;
  /// Resizes a bias table that was made for another square window.
  Tensor fit(const std::string& name, const Tensor& t) const override;
};

}  // namespace camo::nn
