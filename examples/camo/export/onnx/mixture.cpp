// Mixtures: moe/gate.h, moe/router.h, moe/moe.h.
#include "examples/camo/export/onnx/network.h"

namespace camo::program::onnx {
namespace {

Value flat(GraphBuilder& g, const Value& x) { return g.node("Flatten", {x}, {}, Layout::other); }

Value emit(GraphBuilder& g, const moe::GateViews& views, const Value& x) {
  Part part(g, views);
  const Value near = flat(g, mean_of_pixels(g, gelu(g, emit(g, views.spatial, x))));
  const Value average = gelu(g, emit(g, views.channel, flat(g, mean_of_pixels(g, x))));
  const Value most = gelu(g, emit(g, views.max, flat(g, max_of_pixels(g, x))));
  return gelu(g, emit(g, views.mix, g.concat({near, average, most})));
}

/// The weight of each expert for each photograph, 0 for those that are not chosen: (B, E).
Value emit(GraphBuilder& g, const moe::Router& router, const Value& x) {
  Part part(g, router);
  const moe::MoeConfig& c = router.config;
  Value logits = emit(g, router.gate, router.views ? emit(g, *router.views, x) : flat(g, mean_of_pixels(g, x)));
  if (c.clamp > 0) logits = g.node("Clip", {logits, g.number(-c.clamp), g.number(c.clamp)});
  if (c.temperature != 1) logits = div(g, logits, g.number(c.temperature));
  const auto softmax = [&](const Value& z) { return g.node("Softmax", {z}, {attribute("axis", -1)}); };
  const Value score = add(g, c.weights == moe::Weights::all ? softmax(logits) : logits,
                          g.weight(router.path() + ".balance", router.balance.value));
  const Value chosen = g.nodes("TopK", {score, g.integers({router.chosen})}, {}, Layout::other, 2)[1];
  const Value weight = softmax(g.node("GatherElements", {logits, chosen}, {attribute("axis", 1)}));
  const Value none = g.node("ConstantOfShape", {g.node("Shape", {logits})});
  return g.node("ScatterElements", {none, chosen, weight}, {attribute("axis", 1)});
}

/// x + the sum over the experts of weight * expert(x), for rows x (R, ..., C) and weights (R, E).
Value mixed(GraphBuilder& g, const moe::ExpertList& experts, const Value& x, const Value& weights, Mixture mixture) {
  const int64_t E = experts.count();
  const Values weight =
      g.nodes("Split", {g.reshape(weights, {E, 1, 1})}, {attribute("axis", 1)}, Layout::other, E);  // (R, 1, 1, 1) each
  Value y = x;
  for (int64_t e = 0; e < E; ++e) {
    const Value& w = weight[size_t(e)];
    if (mixture == Mixture::dense) {
      y = add(g, y, mul(g, emit(g, experts[e], x), w));
      continue;
    }
    const Value places = g.node("NonZero", {g.node("Flatten", {w}, {attribute("axis", 0)})});  // (2, n): 0, and the row
    const Value rows = g.node("Gather", {places, g.integer(1)});
    const Value some = g.node("Greater", {g.node("Size", {rows}), g.integer(0)});
    const auto with = [&] {
      const auto chosen = [&](const Value& v) { return g.node("Gather", {v, rows}); };
      const Value more = mul(g, emit(g, experts[e], chosen(x)), chosen(w));
      const Value at = g.node("Unsqueeze", {rows, g.integers({1})});
      return g.node("ScatterND", {y, at, g.in(y.layout, more)}, {attribute("reduction", "add")});
    };
    y = g.branch(some, with, [&] { return y; });
  }
  return y;
}

/// Windows of a map: moe::to_tiles, and what moe::from_tiles needs.
struct Tiles {
  Value map = {}, size = {}, channels = {};  // the map, channels last; its height and width (2), and channels (1)
  Value side = {}, counts = {}, whole = {};  // of a window (1); windows down and across (2); their height and width (2)
};

Value joined(GraphBuilder& g, const Values& parts) { return g.node("Concat", parts, {attribute("axis", 0)}); }

Tiles tiles_of(GraphBuilder& g, const moe::Moe& layer, const Value& x) {
  Tiles t{.map = g.last(x)};
  t.size = g.size(t.map);
  t.channels = g.node("Shape", {t.map}, {attribute("start", 3)}, Layout::other);
  t.side = g.node("Min", {g.integers({layer.tile}), g.node("ReduceMax", {t.size})});
  t.whole = add(g, t.size, g.node("Mod", {g.node("Neg", {t.size}), t.side}));
  t.counts = div(g, t.whole, t.side);
  return t;
}

/// (B h w, side, side, C)
Value to_tiles(GraphBuilder& g, const Tiles& t) {
  const Values counts = g.nodes("Split", {t.counts}, {attribute("axis", 0)}, Layout::other, 2);
  const Value none = g.integers({0});
  const Value margins = joined(g, {g.integers({0, 0, 0, 0, 0}), sub(g, t.whole, t.size), none});
  const Value whole = g.node("Pad", {t.map, margins});
  const Value apart = g.node("Reshape", {whole, joined(g, {none, counts[0], t.side, counts[1], t.side, t.channels})},
                             {}, Layout::other);
  return g.node("Reshape",
                {g.transpose(apart, {0, 1, 3, 2, 4, 5}), joined(g, {g.integers({-1}), t.side, t.side, t.channels})}, {},
                Layout::last);
}

Value from_tiles(GraphBuilder& g, const Tiles& t, const Value& rows) {
  const Value any = g.integers({-1});
  const Value apart =
      g.node("Reshape", {g.last(rows), joined(g, {any, t.counts, t.side, t.side, t.channels})}, {}, Layout::other);
  const Value whole = g.node("Reshape", {g.transpose(apart, {0, 1, 3, 2, 4, 5}), joined(g, {any, t.whole, t.channels})},
                             {}, Layout::last);
  return g.node("Slice", {whole, g.integers({0, 0}), t.size, g.integers({1, 2})});
}

}  // namespace

Value emit(GraphBuilder& g, const moe::Moe& layer, const Value& x, Mixture mixture) {
  Part part(g, layer);
  const auto& experts = dynamic_cast<const moe::ExpertList&>(*layer.experts);
  if (layer.routing == moe::Routing::image) return mixed(g, experts, x, emit(g, layer.router, x), mixture);
  const Tiles tiles = tiles_of(g, layer, x);
  const Value rows = to_tiles(g, tiles);
  return from_tiles(g, tiles, mixed(g, experts, rows, emit(g, layer.router, rows), mixture));
}

}  // namespace camo::program::onnx
