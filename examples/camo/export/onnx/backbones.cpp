// The backbones but Swin: nn/backbones/*.h.
#include <cmath>
#include <numbers>

#include "examples/camo/export/onnx/network.h"
#include "nn/backbones/convnext.h"
#include "nn/backbones/edgenext.h"
#include "nn/backbones/efficientnet_lite.h"
#include "nn/backbones/pvt_v2.h"

namespace camo::program::onnx {
namespace {

// ---- EfficientNet-Lite ------------------------------------------------------------------------------------

Value emit(GraphBuilder& g, const nn::ConvNorm& pair, const Value& x) {
  return emit(g, pair.norm, emit(g, pair.conv, x));
}

Value emit(GraphBuilder& g, const nn::LiteBlock& block, const Value& x) {
  Part part(g, block);
  Value y = block.widen ? relu6(g, emit(g, *block.widen, x)) : x;
  y = emit(g, block.narrow, relu6(g, emit(g, block.filter, y)));
  return block.shortcut ? add(g, x, y) : y;
}

Values emit(GraphBuilder& g, const nn::EfficientNetLite& net, const Value& image) {
  Values maps;
  Value x = relu6(g, emit(g, net.stem, image));
  const int64_t last = net.blocks.size() - 1;
  for (int64_t i = 0; i <= last; ++i) {
    for (auto& block : net.blocks[i]) x = emit(g, *block, x);
    const bool halves = i < last && net.blocks[i + 1][0].filter.conv.spec.stride == 2;
    if (i == last || (i > 0 && halves)) maps.push_back(x);
  }
  return maps;
}

// ---- ConvNeXt and EdgeNeXt --------------------------------------------------------------------------------

Value emit(GraphBuilder& g, const nn::PatchStem& stem, const Value& x) {
  return emit(g, stem.norm, emit(g, stem.conv, x));
}

Value emit(GraphBuilder& g, const nn::PatchDownsample& down, const Value& x) {
  return emit(g, down.conv, emit(g, down.norm, x));
}

Value emit(GraphBuilder& g, const nn::ConvBlock& block, const Value& x) {
  Part part(g, block);
  const Value seen = emit(g, block.norm, emit(g, block.conv_dw, x));
  return add(g, g.first(x), emit_scaled(g, block.mlp, seen, block.gamma));
}

Value emit(GraphBuilder& g, const nn::ConvNextStage& stage, Value x) {
  if (stage.downsample) x = emit(g, *stage.downsample, x);
  for (auto& block : stage.blocks) x = emit(g, *block, x);
  return x;
}

/// Sines and cosines of the rows, or columns, of a map through their half of the projection: (length, dim).
Value axis_code(GraphBuilder& g, const nn::PositionalEncoding& layer, const Value& size, int64_t axis) {
  std::vector<float> slowness;
  for (int k = 0; k < 32; k += 2) slowness.push_back(float(1 / std::pow(1e4, k / 32.0)));
  const auto real = [&](const Value& v) { return g.node("Cast", {v}, {attribute("to", 1)}); };
  const Value length = g.node("Gather", {size, g.integer(axis)});
  const Value at = real(g.node("Range", {g.integer(1), g.node("Add", {length, g.integer(1)}), g.integer(1)}));
  const Value angle = mul(g, div(g, at, add(g, real(length), 1e-6)), 2 * std::numbers::pi);
  const Value slow = mul(g, g.node("Unsqueeze", {angle, g.integers({1})}),
                         g.weight(layer.path() + ".slowness", from(slowness, {16})));  // (length, 16)
  const auto column = [&](const char* op) { return g.node("Unsqueeze", {g.node(op, {slow}), g.integers({2})}); };
  const Value code = g.node("Concat", {column("Sin"), column("Cos")}, {attribute("axis", 2)});
  const Tensor w = layer.token_projection.weight.value();  // (dim, 1, 1, 64)
  const Tensor half = slice(w.reshape({w.dim(0), 64}), 1, axis * 32, axis * 32 + 32);
  return g.node("MatMul",
                {g.reshape(code, {32}), g.weight(text(layer.path(), ".weight_", axis), permute(half, {1, 0}))});
}

/// (H, W, dim); the projection of both halves is the sum of theirs.
Value emit(GraphBuilder& g, const nn::PositionalEncoding& layer, const Value& like) {
  Part part(g, layer);
  const Value size = g.size(like);
  const Value rows = g.node("Unsqueeze", {axis_code(g, layer, size, 0), g.integers({1})});
  const Value bias = g.weight(layer.path() + ".bias", layer.token_projection.bias.value());
  return add(g, add(g, rows, axis_code(g, layer, size, 1)), bias);
}

// Channels first, a head's part of q is (D, N), so the map of D x D cosines needs the transpose of k alone.
Value emit(GraphBuilder& g, const nn::CrossCovarianceAttention& layer, const Value& x, const Var& gamma) {
  Part part(g, layer);
  const int64_t C = layer.proj.weight.dim(0), heads = layer.temperature.dim(0);
  const Value map = g.first(x);
  const Value parts = g.reshape(emit(g, layer.qkv, map), {3, heads, C / heads, -1});
  const Values qkv = g.nodes("Split", {parts}, {attribute("axis", 1)}, Layout::other, 3);  // (B, 1, heads, D, N)
  const auto length = [&](const Value& t) {
    const Value norm = g.node("ReduceL2", {t}, {attribute("axes", std::vector<int64_t>{4})});
    return g.node("Max", {norm, g.number(1e-12)});
  };
  const auto turned = [&](const Value& t) { return g.transpose(t, {0, 1, 2, 4, 3}); };
  const Value product = g.node("MatMul", {qkv[0], turned(qkv[1])});
  const Value cosine = div(g, div(g, product, length(qkv[0])), turned(length(qkv[1])));
  const Value heat = g.weight(layer.path() + ".temperature", layer.temperature.value());
  const Value weights = g.node("Softmax", {mul(g, cosine, heat)}, {attribute("axis", -1)});
  const Value y = g.node("MatMul", {weights, qkv[2]});
  return emit_scaled(g, layer.proj,
                     g.node("Reshape", {y, g.node("Shape", {map}, {}, Layout::other)}, {}, Layout::first), gamma);
}

Value emit(GraphBuilder& g, const nn::SplitTransposeBlock& block, const Value& input) {
  Part part(g, block);
  const Value x = g.first(input);
  const int64_t C = block.gamma.dim(0), width = block.convs[0].weight.dim(0);
  std::vector<int64_t> widths(size_t(block.convs.size()), width);
  widths.push_back(C - block.convs.size() * width);
  Values chunks =
      g.nodes("Split", {x, g.integers(widths)}, {attribute("axis", 1)}, Layout::first, int64_t(widths.size()));
  for (int64_t i = 0; i < block.convs.size(); ++i)
    chunks[size_t(i)] = emit(g, block.convs[i], i ? add(g, chunks[size_t(i) - 1], chunks[size_t(i)]) : chunks[0]);
  Value z = g.last(g.concat(chunks));
  if (block.pos_embd) z = add(g, z, emit(g, *block.pos_embd, z));
  z = add(g, z, emit(g, block.xca, emit(g, block.norm_xca, z), block.gamma_xca));
  return add(g, x, emit_scaled(g, block.mlp, emit(g, block.norm, z), block.gamma));
}

Value emit(GraphBuilder& g, const nn::EdgeNextStage& stage, Value x) {
  if (stage.downsample) x = emit(g, *stage.downsample, x);
  for (auto& block : stage.blocks) x = emit(g, *block, x);
  return stage.attend ? emit(g, *stage.attend, x) : x;
}

// ---- PVTv2 ------------------------------------------------------------------------------------------------

Value emit(GraphBuilder& g, const nn::PvtPatchEmbed& embed, const Value& x) {
  return emit(g, embed.norm, emit(g, embed.proj, x));
}

Value emit(GraphBuilder& g, const nn::PvtAttention& layer, const Value& x) {
  Part part(g, layer);
  Value seen = x;
  if (layer.sr) seen = emit(g, *layer.norm, emit(g, *layer.sr, layer.pooled ? adaptive_avg_pool(g, x, 7, 7) : x));
  if (layer.pooled) seen = gelu(g, seen);
  const Values kv = split_last(g, emit(g, layer.kv, g.last(seen)), 2);
  const int64_t C = layer.proj.weight.dim(0);
  const Value y = attention(g, emit(g, layer.q, g.last(x)), kv[0], kv[1], layer.heads, C);
  return g.to_map(emit(g, layer.proj, y), x, C);
}

Value emit(GraphBuilder& g, const nn::PvtMlp& mlp, const Value& x) {  // x has far fewer channels than what follows
  return emit(g, mlp.fc2, gelu(g, emit(g, mlp.dwconv, emit(g, mlp.fc1, g.first(x)))));
}

Value emit(GraphBuilder& g, const nn::PvtBlock& block, const Value& x) {
  Part part(g, block);
  const Value y = add(g, x, emit(g, block.attn, emit(g, block.norm1, x)));
  return add(g, y, emit(g, block.mlp, emit(g, block.norm2, y)));
}

Value emit(GraphBuilder& g, const nn::PvtStage& stage, Value x) {
  if (stage.downsample) x = emit(g, *stage.downsample, x);
  for (auto& block : stage.blocks) x = emit(g, *block, x);
  return emit(g, stage.norm, x);
}

/// The output of each stage is a feature.
template <class Stage> Values features(GraphBuilder& g, Value x, const nn::List<Stage>& stages) {
  Values maps;
  for (auto& stage : stages) maps.push_back(x = emit(g, *stage, x));
  return maps;
}

}  // namespace

Values emit(GraphBuilder& g, const nn::Backbone& backbone, const Value& image, MapSize size) {
  if (auto* net = dynamic_cast<const nn::EfficientNetLite*>(&backbone)) return emit(g, *net, image);
  if (auto* net = dynamic_cast<const nn::ConvNext*>(&backbone))
    return features(g, emit(g, net->stem, image), net->stages);
  if (auto* net = dynamic_cast<const nn::EdgeNext*>(&backbone))
    return features(g, emit(g, net->stem, image), net->stages);
  if (auto* net = dynamic_cast<const nn::PvtV2*>(&backbone))
    return features(g, emit(g, net->patch_embed, image), net->stages);
  if (auto* net = dynamic_cast<const nn::Swin*>(&backbone)) return emit(g, *net, image, size);
  throw ConfigError("onnx: this family of backbones has no form in ONNX yet [an emit() in export/onnx/backbones.cpp]");
}

}  // namespace camo::program::onnx
