// EdgeNeXt: small networks of ConvNeXt blocks.  In the last block of a stage, channels are cut into chunks that pass
// through depthwise convolutions one after another; then attention across channels lets it see the whole map.
//
// Cross-covariance attention (XCA) compares channels instead of tokens.  It has a d x d attention matrix per head, so
// its cost is linear in the number of pixels.  Names are timm's.  Sources: Maaz et al. 2022, arXiv:2206.10589; El-Nouby
// et al. 2021, arXiv:2106.09681 (XCA); Gao et al. 2019, arXiv:1904.01169 (chunks).
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

/// Positional encoding: fourier_positions through a learned 1 x 1 convolution, (1, H, W, dim).
struct PositionalEncoding : Module {
  Conv2d token_projection;
  PositionalEncoding(Scope s, int64_t dim, Init init)
      : Module(std::move(s)), token_projection(sub("token_projection"), 64, dim, 1, {.init = init}) {}
  Var forward(int64_t height, int64_t width);
};

/// gamma * proj(v softmax(temperature * cosine(q, k))^T), where the cosine of two channels is over all tokens.
struct CrossCovarianceAttention : Module {
  Var& temperature;  // (heads, 1, 1)
  Linear qkv, proj;
  CrossCovarianceAttention(Scope s, int64_t dim, int heads, Init init);
  Var forward(const Var& x, const Var& gamma);  // (B, H, W, C) -> (B, H, W, C)
};

struct SplitTransposeOptions {
  int64_t chunks;  // of channels
  int heads;
  bool positions = false;  // adds an encoding of the position
  double drop_path = 0;
};

/// z = chunks(x) [+ positions];  z += gamma_xca * xca(norm_xca(z));  result x + gamma * mlp(norm(z)).
/// The shortcut adds x, the block's input, so z reaches the output only through the MLP.
struct SplitTransposeBlock : Module {
  Var &gamma_xca, &gamma;
  List<DepthwiseConv2d> convs;  // for all chunks but the last, which passes unchanged and may be narrower
  std::unique_ptr<PositionalEncoding> pos_embd;
  LayerNorm norm_xca;
  CrossCovarianceAttention xca;
  LayerNorm norm;
  Mlp mlp;
  DropPath drop_path;
  SplitTransposeBlock(Scope s, int64_t dim, const SplitTransposeOptions& options);
  Var forward(const Var& x);

 private:
  Var mix(const Var& x);
};

/// [downsample] -> blocks, the last of them `attend`
struct EdgeNextStage : Module {
  std::unique_ptr<PatchDownsample> downsample;  // stage 0 has neither downsampling nor attention
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
