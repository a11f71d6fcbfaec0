#include "nn/backbones/convnext.h"

namespace camo::nn {

const std::vector<ConvNextConfig>& ConvNext::configs() {
  static const std::vector<ConvNextConfig> configs = {
      {"convnext_tiny", {96, 192, 384, 768}, {3, 3, 9, 3}},
      {"convnext_small", {96, 192, 384, 768}, {3, 3, 27, 3}},
      {"convnext_base", {128, 256, 512, 1024}, {3, 3, 27, 3}},
  };
  return configs;
}

ConvNextStage::ConvNextStage(Scope s, const ConvNextConfig& config, int stage, const std::vector<double>& drop_path)
    : Module(std::move(s)),
      downsample(stage == 0 ? nullptr
                            : std::make_unique<PatchDownsample>(sub("downsample"), config.dims[stage - 1],
                                                                config.dims[stage], Init::trunc_normal)),
      blocks(sub("blocks")) {
  for (double rate : drop_path) blocks.add(config.dims[stage], 7, Init::trunc_normal, rate);
}

Var ConvNextStage::forward(Var x) {
  if (downsample) x = run_block(*downsample, x);
  for (auto& block : blocks) x = run_block(*block, x);
  return x;
}

ConvNext::ConvNext(Scope s, const ConvNextConfig& config, const BackboneOptions& options)
    : Backbone(std::move(s), config.dims),
      stem(sub("stem"), config.dims[0], Init::trunc_normal),
      stages(sub("stages")) {
  auto rates = drop_path_rates(options.drop_path, config.depths);
  for (int i = 0; i < 4; ++i) stages.add(config, i, rates[i]);
}

std::vector<Var> ConvNext::forward(const Var& image) {
  check(image.rank() == 4 && image.dim(3) == 3 && image.dim(1) >= 32 && image.dim(2) >= 32,
        "convnext: images are (B, H, W, 3) with H, W >= 32, got ", image.shape());
  return features(run_block(stem, image), stages);
}

}  // namespace camo::nn
