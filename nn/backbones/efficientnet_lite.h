// EfficientNet-Lite: inverted residual blocks as in EfficientNet, without squeeze-and-excitation and with ReLU6, so that
// it also runs well where only simple ops are fast.
//
// A block widens its channels sixfold (1 x 1), filters each channel alone, and narrows them again (1 x 1), with a batch
// norm after each convolution.  Widths and depths are scaled from lite0 as in timm; the stem, the first and the last
// stage keep their depth.  Padding is TensorFlow's (ConvSpec::same), so any image size is accepted.
// The features are the outputs of the stages before each halving and of the last one.  Names are timm's.
// Sources: Tan, Le 2019, arXiv:1905.11946; Sandler et al. 2018, arXiv:1801.04381; timm's tf_efficientnet_lite0 to 2.
#pragma once

#include "nn/backbone.h"
#include "nn/layers.h"

namespace camo::nn {

struct EfficientNetLiteConfig {
  std::string name, alias;                // alias: timm's own name
  std::vector<int64_t> channels, depths;  // of the seven stages
};

/// Convolution without bias, then batch norm (eps 1e-3): two members of a block, not a module.
struct ConvNorm {
  Conv2d conv;
  BatchNorm norm;
  ConvNorm(Scope conv, Scope norm, int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t groups = 1);
  Var forward(const Var& x) { return norm.forward(conv.forward(x)); }
};

struct LiteSpec {
  int64_t in, out, kernel, stride;
  bool widens;  // false in the first stage
};

/// [widen] -> filter -> narrow, with a shortcut if input and output have one shape; x (B, H, W, in).
struct LiteBlock : Module {
  std::unique_ptr<ConvNorm> widen;
  ConvNorm filter, narrow;
  DropPath drop_path;
  bool shortcut;
  LiteBlock(Scope s, const LiteSpec& spec, double drop);
  Var forward(const Var& x);
};

struct EfficientNetLite : Backbone {
  ConvNorm stem;
  List<List<LiteBlock>> blocks;                                 // the seven stages
  static const std::vector<EfficientNetLiteConfig>& configs();  // 0, 1, 2
  EfficientNetLite(Scope s, const EfficientNetLiteConfig& config, const BackboneOptions& options);
  /// Any H, W >= 1; sizes round up at every halving.
  std::vector<Var> forward(const Var& x) override;
};

}  // namespace camo::nn
