#include "nn/backbones/swin.h"

#include <algorithm>
#include <cmath>

namespace camo::nn {
namespace {

constexpr double kEps = 1e-5;
constexpr int64_t kWindow = 7;

/// The side 2 h - 1 of a square window's table with that many rows; 0 if the window is not square.
int64_t square_table(int64_t rows) {
  const int64_t side = std::llround(std::sqrt(double(rows)));
  return side * side == rows && side % 2 == 1 ? side : 0;
}

/// The 2 n + 1 distances of a table as timm stretches them to reach dst / 2: 0 and +-(1 + q + ... + q^t), in f32.
std::vector<double> distances(int64_t src, int64_t dst) {
  const int64_t n = src / 2;
  double low = 1.01, high = 1.5, q = low;
  while (high - low > 1e-6) {
    q = (low + high) / 2;
    ((1 - std::pow(q, double(n))) / (1 - q) > double(dst / 2) ? high : low) = q;
  }
  std::vector<double> out(2 * n + 1, 0);
  double at = 0;
  for (int64_t t = 0; t < n; ++t) {
    at += std::pow(q, double(t));
    out[n + 1 + t] = float(at), out[n - 1 - t] = float(-at);
  }
  return out;
}

/// The two neighbours of a target position and their weights.
struct Between {
  int64_t left, right;
  double share_left, share_right;
};

/// The neighbours of every integer distance of the target; beyond the source's range its last entry is used.
std::vector<Between> neighbours(int64_t src, int64_t dst) {
  const std::vector<double> from = distances(src, dst);
  std::vector<Between> out;
  for (int64_t i = 0; i < dst; ++i) {
    const double x = double(i - dst / 2);
    const int64_t right = std::min<int64_t>(std::lower_bound(from.begin(), from.end(), x) - from.begin(), src - 1);
    const int64_t left = std::max<int64_t>(right - 1, 0);
    const double to_left = std::max(x - from[left], 0.0), to_right = std::max(from[right] - x, 0.0);
    const double both = to_left + to_right;
    out.push_back(both > 0 ? Between{left, right, to_right / both, to_left / both} : Between{left, right, 0, 1});
  }
  return out;
}

}  // namespace

const std::vector<SwinConfig>& Swin::configs() {
  static const std::vector<SwinConfig> configs = {
      {"swin_tiny", "swin_tiny_patch4_window7_224", {96, 192, 384, 768}, {2, 2, 6, 2}, {3, 6, 12, 24}},
      {"swin_small", "swin_small_patch4_window7_224", {96, 192, 384, 768}, {2, 2, 18, 2}, {3, 6, 12, 24}},
  };
  return configs;
}

Tensor relative_position_index(int64_t height, int64_t width) {
  const int64_t n = height * width;
  Tensor index = empty({n * n}, DType::i64);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      index.write<int64_t>()[i * n + j] =
          (i / width - j / width + height - 1) * (2 * width - 1) + i % width - j % width + width - 1;
  return index;
}

Tensor resize_relative_table(const Tensor& table, int64_t height, int64_t width) {
  const int64_t rows = dims<2>(table, "resize_relative_table: table (rows, heads)")[0], heads = table.dim(1);
  const int64_t down = 2 * height - 1, across = 2 * width - 1, src = square_table(rows);
  if (rows == down * across && (down == across || src == 0)) return table;
  check<WeightsError>(src > 0, "resize_relative_table: a square window has (2h - 1)^2 rows, got ", table.shape());
  const std::vector<Between> ys = neighbours(src, down), xs = neighbours(src, across);
  const std::vector<double> from = to_vector<double>(table);
  std::vector<double> to;
  for (const Between& y : ys)
    for (const Between& x : xs)
      for (int64_t h = 0; h < heads; ++h) {
        auto between = [&](int64_t r) {
          const double* row = &from[r * src * heads + h];
          return x.share_left * row[x.left * heads] + x.share_right * row[x.right * heads];
        };
        to.push_back(y.share_left * between(y.left) + y.share_right * between(y.right));
      }
  return cast(camo::from(to, {down * across, heads}), table.dtype()).to(table.device());
}

WindowSpec swin_window(int64_t height, int64_t width, bool shifted) {
  auto shift = [&](int64_t length) { return shifted && length > kWindow ? kWindow / 2 : 0; };
  return {std::min(height, kWindow), std::min(width, kWindow), shift(height), shift(width)};
}

WindowAttention::WindowAttention(Scope s, int64_t dim, int heads, const WindowSpec& window)
    : Module(std::move(s)),
      relative_position_bias_table(parameter("relative_position_bias_table",
                                             {(2 * window.height - 1) * (2 * window.width - 1), heads},
                                             init_weight(Init::trunc_normal), {.decay = false})),
      qkv(sub("qkv"), dim, 3 * dim, {.init = Init::trunc_normal}),
      proj(sub("proj"), dim, dim, {.init = Init::trunc_normal}),
      heads(heads),
      window(window),
      index(relative_position_index(window.height, window.width).to(state().device)) {}

Var WindowAttention::forward(const Var& x) {
  const int64_t n = window.height * window.width;
  Var bias = permute(reshape(gather_rows(relative_position_bias_table, index), {n, n, heads}), {2, 0, 1});
  return proj.forward(window_attention(qkv.forward(x), qkv.bias, bias, heads, window));  // beyond the map x is 0
}

SwinBlock::SwinBlock(Scope s, int64_t dim, int heads, const WindowSpec& window, double drop_path)
    : Module(std::move(s)),
      norm1(sub("norm1"), dim, kEps),
      attn(sub("attn"), dim, heads, window),
      drop_path1(sub("drop_path1"), drop_path),
      norm2(sub("norm2"), dim, kEps),
      mlp(sub("mlp"), dim, 4 * dim),
      drop_path2(sub("drop_path2"), drop_path) {}

Var SwinBlock::forward(const Var& x) {
  Var y = x + drop_path1.forward(attn.forward(norm1.forward(x)));
  return y + drop_path2.forward(mlp.forward(norm2.forward(y)));
}

PatchMerging::PatchMerging(Scope s, int64_t dim)
    : Module(std::move(s)),
      norm(sub("norm"), 4 * dim, kEps),
      reduction(sub("reduction"), 4 * dim, 2 * dim, {.bias = false, .init = Init::trunc_normal}) {}

Var PatchMerging::forward(Var x) {
  auto [B, H, W, C] = dims<4>(x.value(), "PatchMerging: x (B, H, W, C)");
  if (H % 2 || W % 2) x = pad(x, {{0, 0}, {0, H % 2}, {0, W % 2}, {0, 0}});
  H += H % 2, W += W % 2;
  // The two columns of a patch are already neighbours; this moves its rows next to the channels.
  x = permute(reshape(x, {B, H / 2, 2, W, C}), {0, 1, 3, 2, 4});
  return reduction.forward(norm.forward(reshape(x, {B, H / 2, W / 2, 4 * C})));
}

SwinStage::SwinStage(Scope s, const SwinConfig& config, int stage, int64_t height, int64_t width,
                     const std::vector<double>& drop_path)
    : Module(std::move(s)),
      downsample(stage == 0 ? nullptr : std::make_unique<PatchMerging>(sub("downsample"), config.dims[stage - 1])),
      blocks(sub("blocks")) {
  for (double rate : drop_path)
    blocks.add(config.dims[stage], config.heads[stage], swin_window(height, width, blocks.size() % 2 == 1), rate);
}

Var SwinStage::forward(Var x) {
  if (downsample) x = run_block(*downsample, x);
  for (auto& block : blocks) x = run_block(*block, x);
  return x;
}

SwinPatchEmbed::SwinPatchEmbed(Scope s, int64_t dim)
    : Module(std::move(s)), proj(sub("proj"), 3, dim, 4, {.stride = 4}), norm(sub("norm"), dim, kEps) {}

Swin::Swin(Scope s, const SwinConfig& config, const BackboneOptions& options)
    : Backbone(std::move(s), config.dims), patch_embed(sub("patch_embed"), config.dims[0]), layers(sub("layers")) {
  check<ConfigError>(options.height >= 4 && options.width >= 4, "swin: built for images of at least 4 x 4, got ",
                     options.height, " x ", options.width);
  auto rates = drop_path_rates(options.drop_path, config.depths);
  int64_t height = options.height / 4, width = options.width / 4;
  for (int i = 0; i < 4; ++i) {
    layers.add(config, i, height, width, rates[i]);
    height = (height + 1) / 2, width = (width + 1) / 2;
  }
}

std::vector<Var> Swin::forward(const Var& image) {
  check(image.rank() == 4 && image.dim(3) == 3 && image.dim(1) % 4 == 0 && image.dim(2) % 4 == 0,
        "swin: images are (B, H, W, 3) with H and W divisible by 4, got ", image.shape());
  return features(run_block(patch_embed, image), layers);
}

Tensor Swin::fit(const std::string& name, const Tensor& t) const {
  for (int64_t i = 0; i < layers.size(); ++i)
    for (int64_t j = 0; j < layers[i].blocks.size(); ++j) {
      const WindowAttention& attn = layers[i].blocks[j].attn;
      if (name != text("layers.", i, ".blocks.", j, ".attn.relative_position_bias_table")) continue;
      if (t.rank() != 2 || t.dim(1) != attn.heads || square_table(t.dim(0)) == 0) break;
      return resize_relative_table(t, attn.window.height, attn.window.width);
    }
  return {};
}

}  // namespace camo::nn
