#include "nn/backbones/edgenext.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace camo::nn {
namespace {

constexpr Init kInit = Init::trunc_normal_tf;
constexpr int64_t kKernels[] = {3, 5, 7, 9}, kChunks[] = {0, 2, 3, 4};

/// Positions 1 .. length scaled to angles up to 2 pi, at 16 frequencies, sine and cosine alternating: (length, 32).
Tensor axis_code(int64_t length) {
  std::vector<float> code;
  for (int64_t i = 0; i < length; ++i) {
    float angle = float(i + 1) / (float(length) + 1e-6f) * float(2 * std::numbers::pi);
    for (int k = 0; k < 32; k += 2) {
      double slow = angle / float(std::pow(1e4, k / 32.0));  // divides floats, as timm does
      code.push_back(float(std::sin(slow))), code.push_back(float(std::cos(slow)));
    }
  }
  return from(code, {length, 32});
}

}  // namespace

Tensor fourier_positions(int64_t height, int64_t width) {
  Tensor rows = axis_code(height).reshape({1, height, 1, 32}), columns = axis_code(width).reshape({1, 1, width, 32});
  Shape half{1, height, width, 32};
  return concat({expand(rows, half), expand(columns, half)}, 3);
}

Var PositionalEncoding::forward(int64_t height, int64_t width) {
  return token_projection.forward(Var(cast(fourier_positions(height, width), state().dtype).to(state().device)));
}

CrossCovarianceAttention::CrossCovarianceAttention(Scope s, int64_t dim, int heads, Init init)
    : Module(std::move(s)),
      temperature(parameter("temperature", {heads, 1, 1}, constant(1), {.decay = false})),
      qkv(sub("qkv"), dim, 3 * dim, {.init = init}),
      proj(sub("proj"), dim, dim, {.init = init}) {}

Var CrossCovarianceAttention::forward(const Var& x, const Var& gamma) {
  auto [B, H, W, C] = dims<4>(x.value(), "CrossCovarianceAttention: x (B, H, W, C)");
  const int64_t heads = temperature.dim(0), N = H * W, D = C / heads;
  Var parts = permute(reshape(qkv.forward(x), {B, N, 3, heads, D}), {2, 0, 3, 1, 4});
  auto part = [&, B = B](int64_t i) { return reshape(slice_rows(parts, i, i + 1), {B, heads, N, D}); };
  Var q = part(0), k = part(1), v = part(2);
  // Cosines from the dot products: dividing D x D numbers by the norms costs less than normalising N x D numbers twice.
  const DType exact = state().dtype;  // the D x D maps are small, so bf16 saves nothing
  auto inverse_length = [&](const Var& t) {
    return rsqrt(clamp(cast(sum(square(t), {2}), exact), 1e-24, std::numeric_limits<double>::infinity()));
  };
  Var cosine = cast(matmul(q, k, Trans::yes), exact) * reshape(inverse_length(q), {B, heads, D, 1}) *
               reshape(inverse_length(k), {B, heads, 1, D});
  Var map = cast(softmax(cosine * temperature), x.dtype());
  Var y = permute(matmul(v, map, Trans::no, Trans::yes), {0, 2, 1, 3});
  return proj.forward_scaled(reshape(y, {B, H, W, C}), gamma);
}

SplitTransposeBlock::SplitTransposeBlock(Scope s, int64_t dim, const SplitTransposeOptions& options)
    : Module(std::move(s)),
      gamma_xca(parameter("gamma_xca", {dim}, constant(kLayerScale), {.decay = false})),
      gamma(parameter("gamma", {dim}, constant(kLayerScale), {.decay = false})),
      convs(sub("convs")),
      pos_embd(options.positions ? std::make_unique<PositionalEncoding>(sub("pos_embd"), dim, kInit) : nullptr),
      norm_xca(sub("norm_xca"), dim),
      xca(sub("xca"), dim, options.heads, kInit),
      norm(sub("norm"), dim),
      mlp(sub("mlp"), dim, 4 * dim, kInit),
      drop_path(sub("drop_path"), options.drop_path) {
  const int64_t width = (dim + options.chunks - 1) / options.chunks;
  for (int64_t i = 0; i + 1 < options.chunks; ++i) convs.add(width, 3, DepthwiseOptions{.init = kInit});
}

Var SplitTransposeBlock::mix(const Var& x) {
  const int64_t C = x.dim(3), width = convs[0].weight.dim(0);
  Vars chunks;
  for (int64_t i = 0; i < convs.size(); ++i) {
    Var chunk = slice(x, 3, i * width, (i + 1) * width);
    chunks.push_back(convs[i].forward(i ? chunks.back() + chunk : chunk));
  }
  chunks.push_back(slice(x, 3, convs.size() * width, C));
  return concat(chunks, 3);
}

Var SplitTransposeBlock::forward(const Var& x) {
  Var z = mix(x);
  if (pos_embd) z = z + cast(pos_embd->forward(x.dim(1), x.dim(2)), x.dtype());
  z = z + drop_path.forward(xca.forward(norm_xca.forward(z), gamma_xca));
  return x + drop_path.forward(mlp.forward_scaled(norm.forward(z), gamma));
}

EdgeNextStage::EdgeNextStage(Scope s, const EdgeNextConfig& config, int stage, const std::vector<double>& drop_path)
    : Module(std::move(s)),
      downsample(stage == 0 ? nullptr
                            : std::make_unique<PatchDownsample>(sub("downsample"), config.dims[stage - 1],
                                                                config.dims[stage], kInit)),
      blocks(sub("blocks")) {
  const int64_t dim = config.dims[stage], last = config.depths[stage] - 1;
  for (int64_t k = 0; k < (stage ? last : last + 1); ++k) blocks.add(dim, kKernels[stage], kInit, drop_path[k]);
  if (stage)
    attend = std::make_unique<SplitTransposeBlock>(
        sub(text("blocks.", last)), dim,
        SplitTransposeOptions{
            .chunks = kChunks[stage], .heads = config.heads, .positions = stage == 1, .drop_path = drop_path[last]});
}

Var EdgeNextStage::forward(Var x) {
  if (downsample) x = run_block(*downsample, x);
  for (auto& block : blocks) x = run_block(*block, x);
  return attend ? run_block(*attend, x) : x;
}

const std::vector<EdgeNextConfig>& EdgeNext::configs() {
  static const std::vector<EdgeNextConfig> configs = {
      {"edgenext_xx_small", {24, 48, 88, 168}, {2, 2, 6, 2}, 4},
      {"edgenext_x_small", {32, 64, 100, 192}, {3, 3, 9, 3}, 4},
      {"edgenext_small", {48, 96, 160, 304}, {3, 3, 9, 3}, 8},
      {"edgenext_base", {80, 160, 288, 584}, {3, 3, 9, 3}, 8},
  };
  return configs;
}

EdgeNext::EdgeNext(Scope s, const EdgeNextConfig& config, const BackboneOptions& options)
    : Backbone(std::move(s), config.dims), stem(sub("stem"), config.dims[0], kInit), stages(sub("stages")) {
  auto rates = drop_path_rates(options.drop_path, config.depths);
  for (int i = 0; i < 4; ++i) stages.add(config, i, rates[i]);
}

std::vector<Var> EdgeNext::forward(const Var& image) {
  check(image.rank() == 4 && image.dim(3) == 3 && image.dim(1) >= 32 && image.dim(2) >= 32,
        "edgenext: images are (B, H, W, 3) with H, W >= 32, got ", image.shape());
  return features(run_block(stem, image), stages);
}

}  // namespace camo::nn
