// EdgeNeXt, small networks of ConvNeXt's blocks whose last block of a stage looks at the whole map: channels are
// cut into chunks that pass depthwise convolutions one after the other, then attend to each other across channels.
//
// Cross-covariance attention (XCA) compares channels, not tokens: a d x d map per head, so its cost is linear in the
// number of pixels.  Names are timm's.  Sources: Maaz et al. 2022, arXiv:2206.10589; El-Nouby et al. 2021,
// arXiv:2106.09681 (XCA); Gao et al. 2019, arXiv:1904.01169 (chunks).
#pragma once

#include "nn/backbones/conv_block.h"

namespace camo::nn {

struct EdgeNextConfig {
  std::string name;
  std::vector<int64_t> dims, depths;
  int heads;
};

/// Sines and cosines of the pixel's row, then of its column: (1, H, W, 64), f32.
Tensor fourier_positions(int64_t height, int64_t width);

/// What a map is told of its positions, learned from fourier_positions by a 1 x 1 convolution: (1, H, W, dim).
struct PositionalEncoding : Module {
  Conv2d token_projection;
  PositionalEncoding(Scope s, int64_t dim, Init init)
      : Module(std::move(s)), token_projection(sub("token_projection"), 64, dim, 1, {}, true, init) {}
  Var forward(int64_t height, int64_t width);
};

/// gamma * proj(v softmax(temperature * cosine(q, k))^T), where the cosine of two channels is over all tokens.
struct CrossCovarianceAttention : Module {
  Var& temperature;  // (heads, 1, 1)
  Linear qkv, proj;
  CrossCovarianceAttention(Scope s, int64_t dim, int heads, Init init);
  Var forward(const Var& x, const Var& gamma);  // (B, H, W, C) -> (B, H, W, C)
};

/// z = chunks(x) [+ positions];  z += gamma_xca * xca(norm_xca(z));  x + gamma * mlp(norm(z)).  The shortcut is the
/// block's input: z reaches the output through the MLP alone.
struct SplitTransposeBlock : Module {
  Var &gamma_xca, &gamma;
  List<DepthwiseConv2d> convs;  // of all chunks but the last, which passes unchanged and may be narrower
  std::unique_ptr<PositionalEncoding> pos_embd;
  LayerNorm norm_xca;
  CrossCovarianceAttention xca;
  LayerNorm norm;
  Mlp mlp;
  DropPath drop_path;
  SplitTransposeBlock(Scope s, int64_t dim, int64_t chunks, int heads, bool positions, double drop);
  Var forward(const Var& x);

 private:
  Var mix(const Var& x);
};

/// [downsample] -> blocks, the last of them `attend`
struct EdgeNextStage : Module {
  std::unique_ptr<PatchDownsample> downsample;  // stage 0 has neither
  List<ConvBlock> blocks;
  std::unique_ptr<SplitTransposeBlock> attend;
  EdgeNextStage(Scope s, const EdgeNextConfig& config, int stage, const std::vector<double>& drop_path);
  Var forward(Var x);
};

struct EdgeNext : Backbone {
  PatchStem stem;
  List<EdgeNextStage> stages;
  static const std::vector<EdgeNextConfig>& configs();  // xx_small, x_small, small, base
  EdgeNext(Scope s, const EdgeNextConfig& config, const BackboneOptions& options);
  /// Any H, W >= 32; sizes round down at every stage.
  std::vector<Var> forward(const Var& x) override;
};

}  // namespace camo::nn
