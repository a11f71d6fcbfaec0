#include "examples/camo/export/onnx.h"

#include "nn/backbones/swin.h"

namespace camo::program {
namespace {

using onnx::Value;

/// (x - mean) / deviation.
Value normalised_in(onnx::GraphBuilder& g, const Value& image, const Normalisation& n) {
  const auto constant = [&](const char* name, const float* values) {
    return g.weight(name, from(std::vector<float>(values, values + 3), {3, 1, 1}));
  };
  return div(g, sub(g, image, constant("mean", n.mean)), constant("deviation", n.deviation));
}

/// Adds zeros at the bottom and right, up to multiples of 32.
Value padded_in(onnx::GraphBuilder& g, const Value& x) {
  const Value missing = g.node("Mod", {g.node("Neg", {g.size(x)}), g.integer(moe::CamoXpert::kStride)});
  return g.node("Pad", {x, g.node("Concat", {g.integers({0, 0, 0, 0, 0, 0}), missing}, {onnx::attribute("axis", 0)})});
}

}  // namespace

Options options(OnnxTarget& target) {
  return {
      choice("mixture", &target.mixture,
             "onnx: experts as branches, of which only those run that a photograph has chosen, or all of them (dense)"),
      choice("normalise", &target.normalise, "onnx: where photographs are normalised, in the graph or before it"),
      {"logits", &target.logits, "onnx: the map holds logits in place of probabilities"},
      {"size", &target.size, "onnx: the size of all photographs; 0: any size, or with Swin the run's", 0, 4096}};
}

std::string onnx_model(const TrainedNetwork& network, OnnxTarget target) {
  check<ConfigError>((target.size.height == 0) == (target.size.width == 0),
                     "camo export --size: ", to_string(target.size), ": both sides are 0 or neither");
  const moe::CamoXpert& net = *network.model;
  if (target.size.height == 0 && dynamic_cast<const nn::Swin*>(net.backbone.get())) target.size = network.config.size;
  const bool fixed = target.size.height > 0;
  const auto side = [&](int64_t length, const char* name) { return fixed ? std::to_string(length) : name; };
  const std::string height = side(target.size.height, "height"), width = side(target.size.width, "width");
  onnx::MapSize padded;
  if (fixed) padded = {moe::CamoXpert::padded_side(target.size.height), moe::CamoXpert::padded_side(target.size.width)};

  onnx::GraphBuilder g;
  const Value image = g.input("image", {"batch", "3", height, width});
  const bool whole = fixed && padded.height == target.size.height && padded.width == target.size.width;
  const Value x =
      target.normalise == Normalise::inside ? normalised_in(g, image, normalisation(network.config)) : image;
  const Value input = whole ? x : padded_in(g, x);
  onnx::Values maps = emit(g, *net.backbone, input, padded);
  for (size_t i = 0; i < maps.size(); ++i) maps[i] = emit(g, net.scales[int64_t(i)], maps[i], target.mixture);
  Value y = resize_bilinear(g, emit(g, net, maps), input);
  if (!whole) y = g.node("Slice", {y, g.integers({0, 0}), g.size(image), g.integers({2, 3})});
  g.output("map", target.logits ? y : sigmoid(g, y), {"batch", "1", height, width});
  return g.model({{"model", network.config.model},
                  {"backbone", network.config.backbone},
                  {"normalisation", normalisation_json(normalisation(network.config))},
                  {"size", to_string(network.config.size)},
                  {"map", target.logits ? "logits" : "probability"},
                  {"image", target.normalise == Normalise::inside ? "RGB in [0, 1]" : "normalised RGB"}});
}

}  // namespace camo::program
