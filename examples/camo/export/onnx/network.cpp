// The layers at the scales, the decoder and its heads: moe/sdta.h, moe/heads.h, moe/camoxpert.h.
#include "examples/camo/export/onnx/network.h"

namespace camo::program::onnx {
namespace {

Value emit(GraphBuilder& g, const moe::SdtaBlock& block, const Value& input) {
  Part part(g, block);
  const Value x = g.first(input);
  const Value channels = sigmoid(g, emit(g, block.excite, relu(g, emit(g, block.squeeze, mean_of_pixels(g, x)))));
  const Value x1 = mul(g, x, channels);
  return add(g, mul(g, x1, sigmoid(g, emit(g, block.place, emit(g, block.around, x1)))), mul(g, x, 0.1));
}

// ---- decoder and heads ------------------------------------------------------------------------------------

Value emit(GraphBuilder& g, const moe::ConvBlock& block, const Value& x) {
  Part part(g, block);
  return relu(g, emit(g, block.norm, emit(g, block.conv, x)));
}

Value emit(GraphBuilder& g, const moe::ConvPair& pair, const Value& x) {
  return emit(g, pair.again, emit(g, pair.first, x));
}

Value emit(GraphBuilder& g, const moe::Search& search, const Value& x) {
  Part part(g, search);
  const Value there = sigmoid(g, emit(g, search.head, emit(g, search.look, x)));
  return add(g, x, mul(g, emit(g, search.mix, emit(g, search.identify, x)), there));
}

Value emit(GraphBuilder& g, const moe::ReverseAttention& head, const Value& x) {
  Part part(g, head);
  const Value background = emit(g, head.background, emit(g, head.squeeze, x));
  const Value elsewhere = sigmoid(g, g.node("Neg", {background}));
  const Value seen = emit(g, head.refine, g.concat({x, sub(g, g.number(1), elsewhere)}));
  return add(g, x, mul(g, seen, elsewhere));
}

/// A first guess of the logits, and its expected error.
std::pair<Value, Value> emit(GraphBuilder& g, const moe::BoundaryUncertainty& head, const Value& x) {
  Part part(g, head);
  const Value y = emit(g, head.shared, x);
  const Value unsure = g.node("Softplus", {emit(g, head.unsure, emit(g, head.unsure_block, y))});
  return {emit(g, head.mean, emit(g, head.mean_block, y)), add(g, unsure, moe::BoundaryUncertainty::kLeast)};
}

Value emit(GraphBuilder& g, const moe::Refinement& refinement, const Value& x, Value logits, const Value& u) {
  Part part(g, refinement);
  const Value unsure = div(g, u, max_of_pixels(g, u));
  for (auto& step : refinement.steps) {
    const Value seen = emit(g, step->look, g.concat({x, logits, unsure}));
    logits = add(g, logits, emit(g, step->correction, mul(g, seen, add(g, unsure, 1))));
  }
  return logits;
}

Value emit(GraphBuilder& g, const moe::FineHeads& heads, const Value& x) {
  const Value seen = emit(g, heads.reverse, emit(g, heads.narrow, x));
  const auto [guess, u] = emit(g, heads.uncertainty, seen);
  return emit(g, heads.refinement, seen, guess, u);
}

/// The finest map of the decoder.
Value emit(GraphBuilder& g, const moe::Decoder& decoder, const Values& maps) {
  const int64_t deepest = int64_t(maps.size()) - 1;
  const auto lateral = [&](int64_t i) { return g.first(emit(g, decoder.lateral[i], maps[size_t(i)])); };
  Value y = emit(g, decoder.refine[deepest], lateral(deepest));
  if (decoder.search) y = emit(g, *decoder.search, y);
  for (int64_t i = deepest - 1; i >= 0; --i) {
    const Value side = lateral(i);
    y = emit(g, decoder.refine[i], add(g, side, resize_bilinear(g, y, side)));
  }
  return y;
}

}  // namespace

Value emit(GraphBuilder& g, const moe::Scale& scale, const Value& x, Mixture mixture) {
  Value y = scale.attend ? emit(g, *scale.attend, x) : x;
  for (int64_t e = 0; e < scale.series.count(); ++e) y = add(g, y, emit(g, scale.series[e], y));
  return scale.mixture ? emit(g, *scale.mixture, y, mixture) : y;
}

Value emit(GraphBuilder& g, const moe::CamoXpert& net, const Values& maps) {
  const Value fine = emit(g, net.decoder, maps);
  return net.heads ? emit(g, *net.heads, fine) : emit(g, *net.plain, fine);
}

}  // namespace camo::program::onnx
