#include "nn/backbones/efficientnet_lite.h"

#include <numeric>

namespace camo::nn {
namespace {

constexpr int kLiteStages = 7;
constexpr int64_t kLiteStem = 32, kLiteWider = 6;
constexpr int64_t kLiteKernels[kLiteStages] = {3, 3, 5, 3, 5, 5, 3}, kLiteStrides[kLiteStages] = {1, 2, 2, 2, 1, 2, 1};

/// A stage is a feature if it is the last one or the next one halves the map.
bool is_feature(int stage) { return stage > 0 && (stage + 1 == kLiteStages || kLiteStrides[stage + 1] == 2); }

std::vector<int64_t> feature_channels(const std::vector<int64_t>& channels) {
  std::vector<int64_t> out;
  for (int i = 0; i < kLiteStages; ++i)
    if (is_feature(i)) out.push_back(channels[size_t(i)]);
  return out;
}

int64_t inner(const LiteSpec& spec) { return spec.widens ? kLiteWider * spec.in : spec.in; }

}  // namespace

const std::vector<EfficientNetLiteConfig>& EfficientNetLite::configs() {
  static const std::vector<EfficientNetLiteConfig> configs = {
      {"efficientnet_lite0", "tf_efficientnet_lite0", {16, 24, 40, 80, 112, 192, 320}, {1, 2, 2, 3, 3, 4, 1}},
      {"efficientnet_lite1", "tf_efficientnet_lite1", {16, 24, 40, 80, 112, 192, 320}, {1, 3, 3, 4, 4, 5, 1}},
      {"efficientnet_lite2", "tf_efficientnet_lite2", {16, 24, 48, 88, 120, 208, 352}, {1, 3, 3, 4, 4, 5, 1}},
  };
  return configs;
}

ConvNorm::ConvNorm(Scope conv, Scope norm, int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t groups)
    : conv(std::move(conv), in, out, kernel,
           {.stride = stride, .groups = groups, .same = true, .bias = false, .init = Init::fan_out}),
      norm(std::move(norm), out, 1e-3) {}

LiteBlock::LiteBlock(Scope s, const LiteSpec& spec, double drop)
    : Module(std::move(s)),
      widen(spec.widens ? std::make_unique<ConvNorm>(sub("conv_pw"), sub("bn1"), spec.in, inner(spec), 1) : nullptr),
      filter(sub("conv_dw"), sub(widen ? "bn2" : "bn1"), inner(spec), inner(spec), spec.kernel, spec.stride,
             inner(spec)),
      narrow(sub(widen ? "conv_pwl" : "conv_pw"), sub(widen ? "bn3" : "bn2"), inner(spec), spec.out, 1),
      drop_path(sub("drop_path"), drop),
      shortcut(spec.stride == 1 && spec.in == spec.out) {}

Var LiteBlock::forward(const Var& x) {
  Var y = widen ? relu6(widen->forward(x)) : x;
  y = narrow.forward(relu6(filter.forward(y)));
  return shortcut ? x + drop_path.forward(y) : y;
}

EfficientNetLite::EfficientNetLite(Scope s, const EfficientNetLiteConfig& config, const BackboneOptions& options)
    : Backbone(std::move(s), feature_channels(config.channels)),
      stem(sub("conv_stem"), sub("bn1"), 3, kLiteStem, 3, 2),
      blocks(sub("blocks")) {
  normalisation = kLiteNormalisation;
  const int64_t all = std::accumulate(config.depths.begin(), config.depths.end(), int64_t(0));
  int64_t in = kLiteStem, k = 0;
  for (int i = 0; i < kLiteStages; ++i) {
    List<LiteBlock>& stage = blocks.add();
    for (int64_t j = 0; j < config.depths[size_t(i)]; ++j) {
      const LiteSpec spec{in, config.channels[size_t(i)], kLiteKernels[i], j == 0 ? kLiteStrides[i] : 1, i > 0};
      stage.add(spec, options.drop_path * double(k++) / double(all));  // timm divides by all, not by all - 1
      in = spec.out;
    }
  }
}

std::vector<Var> EfficientNetLite::forward(const Var& image) {
  check(image.rank() == 4 && image.dim(3) == 3 && image.dim(1) >= 1 && image.dim(2) >= 1,
        "efficientnet_lite: images are (B, H, W, 3) with H, W >= 1, got ", image.shape());
  Var x = recomputed({&stem.conv, &stem.norm}, [this](const Vars& in) { return relu6(stem.forward(in[0])); }, {image});
  std::vector<Var> maps;
  for (int i = 0; i < kLiteStages; ++i) {
    for (auto& block : blocks[i]) x = run_block(*block, x);
    if (is_feature(i)) maps.push_back(x);
  }
  return maps;
}

}  // namespace camo::nn
