// ConvNeXt: a convolutional network laid out like Swin.  It has four stages of one kind of block (conv_block.h) with
// depthwise 7 x 7 convolutions.  A feature is the output of a stage, without a norm.  Names are timm's.
// Source: Liu et al. 2022, arXiv:2201.03545.
#pragma once

#include "nn/backbones/conv_block.h"

namespace camo::nn {

struct ConvNextConfig {
  std::string name;
  std::vector<int64_t> dims, depths;
};

/// [downsample] -> blocks
struct ConvNextStage : Module {
  std::unique_ptr<PatchDownsample> downsample;  // stage 0 has none
  List<ConvBlock> blocks;
  ConvNextStage(Scope s, const ConvNextConfig& config, int stage, const std::vector<double>& drop_path);
  Var forward(Var x);
};

struct ConvNext : Backbone {
  PatchStem stem;
  List<ConvNextStage> stages;
  static const std::vector<ConvNextConfig>& configs();  // tiny, small, base
  ConvNext(Scope s, const ConvNextConfig& config, const BackboneOptions& options);
  /// Any H, W >= 32; sizes round down at every stage.
  std::vector<Var> forward(const Var& x) override;
};

}  // namespace camo::nn
