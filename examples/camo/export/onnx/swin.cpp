// Swin: nn/backbones/swin.h.  Windows, shifts and masks follow from the size of the photograph, so they are constants
// of the graph.
#include "examples/camo/export/onnx/network.h"
#include "tensor/ops/layout.h"

namespace camo::program::onnx {
namespace {

/// The windows of a map of H x W pixels.
kernel::Windows windows_of(const nn::WindowAttention& layer, MapSize map) {
  const WindowSpec& size = layer.window;
  return {.B = 1,
          .H = map.height,
          .W = map.width,
          .heads = layer.heads,
          .D = layer.proj.weight.dim(0) / layer.heads,
          .size = size,
          .down = (map.height + size.height - 1) / size.height,
          .across = (map.width + size.width - 1) / size.width};
}

/// x[begin, end) along an axis.
Value cut(GraphBuilder& g, const Value& x, int64_t axis, int64_t begin, int64_t end) {
  return g.node("Slice", {x, g.integers({begin}), g.integers({end}), g.integers({axis})});
}

/// Moves a map of that length along an axis by -shift; what leaves at the start comes back at the end.
Value rolled(GraphBuilder& g, const Value& x, int64_t axis, int64_t length, int64_t shift) {
  if (shift == 0) return x;
  shift = (shift + length) % length;
  return g.node("Concat", {cut(g, x, axis, shift, length), cut(g, x, axis, 0, shift)}, {attribute("axis", axis)});
}

Value padded_by(GraphBuilder& g, const Value& x, int64_t below, int64_t right) {  // channels last
  return below + right == 0 ? x : g.node("Pad", {x, g.integers({0, 0, 0, 0, 0, below, right, 0})});
}

/// -100 between tokens that only rolling made neighbours: (windows, 1, n, n).
Tensor mask_of(const kernel::Windows& w) {
  const int64_t n = w.tokens();
  Tensor mask = zeros({w.count(), 1, n, n});
  float* to = mask.write<float>();
  for (int64_t window = 0; window < w.count(); ++window)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) *to++ = w.part(window, i) == w.part(window, j) ? 0 : float(kernel::kMask);
  return mask;
}

/// The bias of each head for each pair of tokens of a window: (heads, n, n).
Tensor bias_of(const nn::WindowAttention& layer) {
  const int64_t n = layer.window.height * layer.window.width;
  Tensor rows = gather_rows(layer.relative_position_bias_table.value(), layer.index);
  return permute(rows.reshape({n, n, layer.heads}), {2, 0, 1});
}

/// Attention within windows (B windows, n, C).
Value attend_windows(GraphBuilder& g, const nn::WindowAttention& layer, const Value& x, const kernel::Windows& w) {
  const int64_t n = w.tokens(), C = w.channels();
  const Value qkv = g.reshape(emit(g, layer.qkv, x), {n, 3, w.heads, w.D});
  const auto part = [&](int64_t i, const std::vector<int64_t>& order) {
    return g.transpose(g.node("Gather", {qkv, g.integer(i)}, {attribute("axis", 2)}), order);
  };
  const Value q = mul(g, part(0, {0, 2, 1, 3}), 1 / std::sqrt(double(w.D)));
  Value scores = g.node("MatMul", {q, part(1, {0, 2, 3, 1})});  // (B windows, heads, n, n)
  scores = add(g, scores, g.weight(layer.path() + ".bias", bias_of(layer)));
  if (w.shifted()) {
    const std::string of_size = text("mask ", w.H, " ", w.W, " ", w.size.shift_y, " ", w.size.shift_x);
    const Value apart = g.node("Reshape", {scores, g.integers({-1, w.count(), w.heads, n, n})});
    scores = g.node("Reshape", {add(g, apart, g.weight(of_size, mask_of(w))), g.integers({-1, w.heads, n, n})});
  }
  const Value map = g.node("Softmax", {scores}, {attribute("axis", -1)});
  const Value y = g.node("MatMul", {map, part(2, {0, 2, 1, 3})});
  return emit(g, layer.proj, g.reshape(g.transpose(y, {0, 2, 1, 3}), {n, C}));
}

Value emit(GraphBuilder& g, const nn::WindowAttention& layer, const Value& map, MapSize of) {
  Part part(g, layer);
  const kernel::Windows w = windows_of(layer, of);
  const int64_t h = w.size.height, v = w.size.width, H = w.down * h, W = w.across * v, C = w.channels();
  Value x = rolled(g, rolled(g, g.last(map), 1, w.H, w.size.shift_y), 2, w.W, w.size.shift_x);
  x = padded_by(g, x, H - w.H, W - w.W);
  x = g.transpose(g.reshape(x, {w.down, h, w.across, v, C}), {0, 1, 3, 2, 4, 5});
  x = attend_windows(g, layer, g.node("Reshape", {x, g.integers({-1, h * v, C})}), w);
  x = g.node("Reshape", {x, g.integers({-1, w.down, w.across, h, v, C})});
  x = g.reshape(g.transpose(x, {0, 1, 3, 2, 4, 5}), {H, W, C}, Layout::last);
  if (H > w.H) x = cut(g, x, 1, 0, w.H);
  if (W > w.W) x = cut(g, x, 2, 0, w.W);
  return rolled(g, rolled(g, x, 1, w.H, -w.size.shift_y), 2, w.W, -w.size.shift_x);
}

Value emit(GraphBuilder& g, const nn::SwinBlock& block, const Value& x, MapSize of) {
  Part part(g, block);
  const Value y = add(g, x, emit(g, block.attn, emit(g, block.norm1, x), of));
  return add(g, y, emit(g, block.mlp, emit(g, block.norm2, y)));
}

Value emit(GraphBuilder& g, const nn::PatchMerging& merge, Value x, MapSize of) {
  Part part(g, merge);
  const int64_t C = merge.norm.weight.dim(0) / 4, h = (of.height + 1) / 2, w = (of.width + 1) / 2;
  x = padded_by(g, x, of.height % 2, of.width % 2);
  x = g.transpose(g.reshape(x, {h, 2, 2 * w, C}), {0, 1, 3, 2, 4});
  return emit(g, merge.reduction, emit(g, merge.norm, g.reshape(x, {h, w, 4 * C}, Layout::last)));
}

}  // namespace

Values emit(GraphBuilder& g, const nn::Swin& net, const Value& image, MapSize size) {
  check<ConfigError>(size.known(), "onnx: the windows of Swin follow from the size of the photograph [--size]");
  Values maps;
  Value x = g.last(emit(g, net.patch_embed.norm, emit(g, net.patch_embed.proj, image)));
  MapSize of{size.height / 4, size.width / 4};
  for (auto& stage : net.layers) {
    if (stage->downsample) {
      x = emit(g, *stage->downsample, x, of);
      of = {(of.height + 1) / 2, (of.width + 1) / 2};
    }
    for (auto& block : stage->blocks) x = emit(g, *block, x, of);
    maps.push_back(x);
  }
  return maps;
}

}  // namespace camo::program::onnx
