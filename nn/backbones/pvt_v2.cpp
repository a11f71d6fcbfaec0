#include "nn/backbones/pvt_v2.h"

namespace camo::nn {
namespace {

constexpr int kHeads[] = {1, 2, 5, 8}, kReductions[] = {8, 4, 2, 1};
// timm uses two different epsilons.  A single value would give a small drift that a loose comparison does not notice.
constexpr double kEmbedEps = 1e-5, kBlockEps = 1e-6;

}  // namespace

const std::vector<PvtV2Config>& PvtV2::configs() {
  static const std::vector<int64_t> narrow{32, 64, 160, 256}, wide{64, 128, 320, 512}, usual{8, 8, 4, 4};
  static const std::vector<PvtV2Config> configs = {
      {"pvt_v2_b0", narrow, {2, 2, 2, 2}, usual},       {"pvt_v2_b1", wide, {2, 2, 2, 2}, usual},
      {"pvt_v2_b2", wide, {3, 4, 6, 3}, usual},         {"pvt_v2_b2_li", wide, {3, 4, 6, 3}, usual, true},
      {"pvt_v2_b3", wide, {3, 4, 18, 3}, usual},        {"pvt_v2_b4", wide, {3, 8, 27, 3}, usual},
      {"pvt_v2_b5", wide, {3, 6, 40, 3}, {4, 4, 4, 4}},
  };
  return configs;
}

PvtPatchEmbed::PvtPatchEmbed(Scope s, int64_t in, int64_t out, int64_t kernel, int64_t stride)
    : Module(std::move(s)),
      proj(sub("proj"), in, out, kernel, {.stride = stride, .padding = kernel / 2, .init = Init::fan_out}),
      norm(sub("norm"), out, kEmbedEps) {}

PvtAttention::PvtAttention(Scope s, int64_t dim, int heads, int64_t reduction)
    : Module(std::move(s)),
      q(sub("q"), dim, dim, {.init = Init::trunc_normal}),
      kv(sub("kv"), dim, 2 * dim, {.init = Init::trunc_normal}),
      proj(sub("proj"), dim, dim, {.init = Init::trunc_normal}),
      heads(heads),
      pooled(reduction == kPooled) {
  if (reduction == 1) return;
  int64_t step = pooled ? 1 : reduction;
  sr = std::make_unique<Conv2d>(sub("sr"), dim, dim, step, ConvOptions{.stride = step, .init = Init::fan_out});
  norm = std::make_unique<LayerNorm>(sub("norm"), dim, kEmbedEps);
}

Var PvtAttention::forward(const Var& x) {
  auto [B, H, W, C] = dims<4>(x.value(), "PvtAttention: x (B, H, W, C)");
  Var z = sr ? norm->forward(sr->forward(pooled ? adaptive_avg_pool(x, 7, 7) : x)) : x;
  if (pooled) z = gelu(z);
  z = reshape(z, {B, -1, C});
  Var k = kv.forward_rows(z, 0, C), v = kv.forward_rows(z, C, 2 * C);
  Var y = attention(q.forward(reshape(x, {B, H * W, C})), k, v, heads);
  return reshape(proj.forward(y), {B, H, W, C});
}

PvtMlp::PvtMlp(Scope s, int64_t dim, int64_t hidden, Act before)
    : Module(std::move(s)),
      fc1(sub("fc1"), dim, hidden, {.init = Init::trunc_normal, .act = before}),
      dwconv(sub("dwconv"), hidden, 3, {.init = Init::fan_out}),
      fc2(sub("fc2"), hidden, dim, {.init = Init::trunc_normal}) {}

PvtBlock::PvtBlock(Scope s, int64_t dim, int heads, int64_t reduction, int64_t mlp_ratio, double drop_path)
    : Module(std::move(s)),
      norm1(sub("norm1"), dim, kBlockEps),
      attn(sub("attn"), dim, heads, reduction),
      drop_path1(sub("drop_path1"), drop_path),
      norm2(sub("norm2"), dim, kBlockEps),
      mlp(sub("mlp"), dim, mlp_ratio * dim, attn.pooled ? Act::relu : Act::none),
      drop_path2(sub("drop_path2"), drop_path) {}

Var PvtBlock::forward(const Var& x) {
  Var y = x + drop_path1.forward(attn.forward(norm1.forward(x)));
  return y + drop_path2.forward(mlp.forward(norm2.forward(y)));
}

PvtStage::PvtStage(Scope s, const PvtV2Config& config, int stage, const std::vector<double>& drop_path)
    : Module(std::move(s)),
      downsample(stage == 0 ? nullptr
                            : std::make_unique<PvtPatchEmbed>(sub("downsample"), config.dims[stage - 1],
                                                              config.dims[stage], 3, 2)),
      blocks(sub("blocks")),
      norm(sub("norm"), config.dims[stage], kBlockEps) {
  for (double rate : drop_path)
    blocks.add(config.dims[stage], kHeads[stage], config.linear ? PvtAttention::kPooled : kReductions[stage],
               config.mlp_ratios[stage], rate);
}

Var PvtStage::forward(Var x) {
  if (downsample) x = run_block(*downsample, x);
  for (auto& block : blocks) x = run_block(*block, x);
  return norm.forward(x);
}

PvtV2::PvtV2(Scope s, const PvtV2Config& config, const BackboneOptions& options)
    : Backbone(std::move(s), config.dims),
      patch_embed(sub("patch_embed"), 3, config.dims[0], 7, 4),
      stages(sub("stages")) {
  auto rates = drop_path_rates(options.drop_path, config.depths);
  for (int i = 0; i < 4; ++i) stages.add(config, i, rates[i]);
}

std::vector<Var> PvtV2::forward(const Var& image) {
  check(image.rank() == 4 && image.dim(3) == 3 && image.dim(1) >= 29 && image.dim(2) >= 29,
        "pvt_v2: images are (B, H, W, 3) with H, W >= 29, got ", image.shape());
  return features(run_block(patch_embed, image), stages);
}

}  // namespace camo::nn
