#include "examples/camo/export/onnx/layers.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "autograd/ops.h"
#include "nn/state_dict.h"

namespace camo::program::onnx {
namespace {

/// act(x W^T + b): weight (O, I), bias (O) or undefined, under the names of a layer.
Value product(GraphBuilder& g, const Value& x, const nn::Linear& layer, const Tensor& weight, const Tensor& bias) {
  Part part(g, layer);
  const std::string name = layer.path() + ".weight";
  Value y;
  if (x.layout == Layout::first) {
    Values inputs{x, g.weight(name, weight.reshape({weight.dim(0), weight.dim(1), 1, 1}))};
    if (bias.defined()) inputs.push_back(g.weight(layer.path() + ".bias", bias));
    y = g.node("Conv", inputs);
  } else {
    y = g.node("MatMul", {x, g.weight(name, permute(weight, {1, 0}))});
    if (bias.defined()) y = g.node("Add", {y, g.weight(layer.path() + ".bias", bias)});
  }
  return layer.act == Act::gelu ? gelu(g, y) : layer.act == Act::relu ? relu(g, y) : y;
}

/// Which pixels each bin of an adaptive pooling averages, as their weights (bins, length); `axis` of a map's size.
Value bins(GraphBuilder& g, const Value& size, int64_t axis, int64_t count) {
  std::vector<int64_t> first, past;
  for (int64_t i = 0; i < count; ++i) first.push_back(i), past.push_back(i + 1);
  const auto bounds_of = [&](const std::vector<int64_t>& bounds, int64_t round_up, const Value& length) {
    const Value column = g.node("Unsqueeze", {g.integers(bounds), g.integers({1})});
    const Value scaled = g.node("Add", {g.node("Mul", {column, length}), g.integer(round_up)});
    return g.node("Div", {scaled, g.integer(count)});
  };
  const Value length = g.node("Gather", {size, g.integer(axis)});
  const Value begin = bounds_of(first, 0, length), end = bounds_of(past, count - 1, length);
  const Value at = g.node("Range", {g.integer(0), length, g.integer(1)});
  const Value inside = g.node("And", {g.node("GreaterOrEqual", {at, begin}), g.node("Less", {at, end})});
  const auto real = [&](const Value& v) { return g.node("Cast", {v}, {attribute("to", 1)}); };
  return g.node("Div", {real(inside), real(g.node("Sub", {end, begin}))});
}

}  // namespace

Value emit(GraphBuilder& g, const nn::Linear& layer, const Value& x) {
  return product(g, x, layer, layer.weight.value(), layer.bias.value());
}

Value emit_scaled(GraphBuilder& g, const nn::Linear& layer, const Value& x, const Var& gain) {
  const Tensor &w = layer.weight.value(), &s = gain.value();
  return product(g, x, layer, w * s.reshape({-1, 1}), layer.bias.defined() ? layer.bias.value() * s : Tensor());
}

Value emit(GraphBuilder& g, const nn::Conv2d& layer, const Value& x) {
  Part part(g, layer);
  if (!layer.bias.defined()) return conv2d(g, x, layer.path() + ".weight", layer.weight.value(), nullptr, layer.spec);
  const Value bias = g.weight(layer.path() + ".bias", layer.bias.value());
  return conv2d(g, x, layer.path() + ".weight", layer.weight.value(), &bias, layer.spec);
}

Value conv2d(GraphBuilder& g, const Value& x, const std::string& name, const Tensor& weight, const Value* bias,
             const ConvSpec& spec) {
  const int64_t taps = weight.dim(1), reach = spec.dilation * (taps - 1) + 1;
  int64_t before = spec.padding, after = spec.padding;
  if (spec.same) {  // every map that is halved has an even size, because images are padded to multiples of 32
    const int64_t missing = std::max<int64_t>(reach - spec.stride, 0);
    before = missing / 2, after = missing - before;
  }
  Values inputs{g.first(x), g.weight(name, nn::to_file(weight, nn::FileLayout::conv))};
  if (bias) inputs.push_back(*bias);
  return g.node("Conv", inputs,
                {attribute("kernel_shape", {taps, taps}), attribute("pads", {before, before, after, after}),
                 attribute("strides", {spec.stride, spec.stride}), attribute("group", spec.groups),
                 attribute("dilations", {spec.dilation, spec.dilation})});
}

Value emit(GraphBuilder& g, const nn::BatchNorm& layer, const Value& x) {
  Part part(g, layer);
  const auto own = [&](const char* name, const Tensor& t) { return g.weight(text(layer.path(), ".", name), t); };
  return g.node("BatchNormalization",
                {g.first(x), own("weight", layer.weight.value()), own("bias", layer.bias.value()),
                 own("running_mean", layer.running_mean.value), own("running_var", layer.running_var.value)},
                {attribute("epsilon", layer.eps)});
}

Value emit(GraphBuilder& g, const nn::LayerNorm& layer, const Value& x) {
  Part part(g, layer);
  return g.node("LayerNormalization",
                {g.last(x), g.weight(layer.path() + ".weight", layer.weight.value()),
                 g.weight(layer.path() + ".bias", layer.bias.value())},
                {attribute("axis", -1), attribute("epsilon", layer.eps)});
}

Value emit(GraphBuilder& g, const nn::Mlp& layer, const Value& x) { return emit(g, layer.fc2, emit(g, layer.fc1, x)); }

Value emit_scaled(GraphBuilder& g, const nn::Mlp& layer, const Value& x, const Var& gain) {
  return emit_scaled(g, layer.fc2, emit(g, layer.fc1, x), gain);
}

Value relu6(GraphBuilder& g, const Value& x) { return g.node("Clip", {x, g.number(0), g.number(6)}); }

Value gelu(GraphBuilder& g, const Value& x) {  // x (1 + erf(x / sqrt 2)) / 2, in the order that onnxruntime fuses
  const Value erf = g.node("Erf", {div(g, x, g.number(std::numbers::sqrt2))});
  return mul(g, mul(g, x, add(g, erf, 1)), 0.5);
}

Value mean_of_pixels(GraphBuilder& g, const Value& x) {
  if (x.layout == Layout::first) return g.node("GlobalAveragePool", {x});
  return g.node("ReduceMean", {x}, {attribute("axes", {1, 2})});
}

Value max_of_pixels(GraphBuilder& g, const Value& x) {
  if (x.layout == Layout::first) return g.node("GlobalMaxPool", {x});
  return g.node("ReduceMax", {x}, {attribute("axes", {1, 2})});
}

Value box_mean(GraphBuilder& g, const Value& x, int64_t kernel) {
  const int64_t pad = kernel / 2;
  return g.node("AveragePool", {g.first(x)},
                {attribute("kernel_shape", {kernel, kernel}), attribute("pads", {pad, pad, pad, pad}),
                 attribute("count_include_pad", 1)});
}

// A bin covers pixels floor(i H / height) ... ceil((i + 1) H / height), which depend on the size of the map.  So each
// axis is a product with a matrix that the graph computes from the size.
Value adaptive_avg_pool(GraphBuilder& g, const Value& x, int64_t height, int64_t width) {
  const Value size = g.size(x);
  const Value across = g.transpose(bins(g, size, 1, width), {1, 0});
  return g.node("MatMul", {bins(g, size, 0, height), g.node("MatMul", {g.first(x), across})}, {}, Layout::first);
}

Value resize_bilinear(GraphBuilder& g, const Value& x, const Value& like) {
  const Value map = g.first(x);
  const Value kept = g.node("Shape", {map}, {attribute("start", 0), attribute("end", 2)}, Layout::other);
  const Value sizes = g.node("Concat", {kept, g.size(like)}, {attribute("axis", 0)});
  return g.node("Resize", {map, {}, {}, sizes},
                {attribute("mode", "linear"), attribute("coordinate_transformation_mode", "half_pixel")});
}

Value attention(GraphBuilder& g, const Value& q, const Value& k, const Value& v, int64_t heads, int64_t channels) {
  const int64_t D = channels / heads;
  const auto by_head = [&](const Value& x, const std::vector<int64_t>& order) {
    return g.transpose(g.reshape(g.last(x), {-1, heads, D}), order);
  };
  const Value queries = by_head(mul(g, g.last(q), 1 / std::sqrt(double(D))), {0, 2, 1, 3});
  const Value scores = g.node("MatMul", {queries, by_head(k, {0, 2, 3, 1})});  // (B, heads, N, M)
  const Value map = g.node("Softmax", {scores}, {attribute("axis", -1)});
  const Value y = g.node("MatMul", {map, by_head(v, {0, 2, 1, 3})});
  return g.reshape(g.transpose(y, {0, 2, 1, 3}), {-1, channels});
}

Values split_last(GraphBuilder& g, const Value& x, int64_t count) {
  return g.nodes("Split", {x}, {attribute("axis", -1)}, x.layout, count);
}

}  // namespace camo::program::onnx
