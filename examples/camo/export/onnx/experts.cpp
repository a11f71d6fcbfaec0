// The experts: moe/experts.h and moe/experts/*.h.
#include "examples/camo/export/onnx/network.h"
#include "moe/experts/cod.h"
#include "moe/experts/generic.h"
#include "moe/experts/single.h"

namespace camo::program::onnx {
namespace {

// ---- parts ------------------------------------------------------------------------------------------------

Value emit(GraphBuilder& g, const moe::Pointwise& layer, const Value& x) {
  return gelu(g, emit(g, layer.norm, emit(g, layer.conv, x)));
}

Value emit(GraphBuilder& g, const moe::FourViews& views, const Values& x) {
  return emit(g, views.fuse,
              g.concat({emit(g, views.first, x[0]), emit(g, views.second, x[1]), emit(g, views.third, x[2]),
                        emit(g, views.fourth, x[3])}));
}

Value emit(GraphBuilder& g, const moe::ChannelGate& gate, const Value& x) {
  return sigmoid(g, emit(g, gate.excite, gelu(g, emit(g, gate.squeeze, mean_of_pixels(g, x)))));
}

Value emit(GraphBuilder& g, const moe::DilatedBranch& branch, const Value& x) {
  return gelu(g, emit(g, branch.norm, emit(g, branch.filter, emit(g, branch.squeeze, x))));
}

Value emit(GraphBuilder& g, const moe::DilatedViews& expert, const Value& x) {
  return emit(
      g, expert.fuse,
      g.concat({emit(g, expert.near, x), emit(g, expert.mid, x), emit(g, expert.far, x), emit(g, expert.farther, x)}));
}

/// The squared gradient magnitude, and the Laplacian.
std::pair<Value, Value> emit(GraphBuilder& g, const moe::EdgeFilters& filters, const Value& x) {
  const auto filtered = [&](const char* name, const nn::Buffer& taps) {
    return conv2d(g, x, text(filters.path(), ".", name), taps.value, nullptr,
                  {.padding = 1, .groups = taps.value.dim(0)});
  };
  const auto square = [&](const Value& v) { return mul(g, v, v); };
  const Value across = square(filtered("sobel_x", filters.sobel_x)),
              down = square(filtered("sobel_y", filters.sobel_y));
  return {add(g, across, down), filtered("laplacian", filters.laplacian)};
}

Value root(GraphBuilder& g, const Value& x, double more) { return g.node("Sqrt", {add(g, x, more)}); }

/// Low, middle and high bands, and the map itself.
Values bands_of(GraphBuilder& g, const Value& map) {
  const Value x = g.first(map), smooth = box_mean(g, x, 3), smoother = box_mean(g, x, 5);
  return {smooth, sub(g, smooth, smoother), sub(g, x, smooth), map};
}

// ---- the COD family ---------------------------------------------------------------------------------------

Value emit(GraphBuilder& g, const moe::cod::FrequencyExpert& expert, const Value& x) {
  return emit(g, expert.bands, bands_of(g, x));
}

Value emit(GraphBuilder& g, const moe::cod::EdgeExpert& expert, const Value& x) {
  const auto [slope2, bend] = emit(g, expert.filters, x);
  return emit(g, expert.edges,
              {root(g, slope2, 1e-6), g.node("Abs", {bend}), root(g, add(g, slope2, mul(g, bend, bend)), 1e-6), x});
}

Value emit(GraphBuilder& g, const moe::cod::SurroundBranch& branch, const Value& x) {
  const Value centre = emit(g, branch.squeeze, x);
  return gelu(g, emit(g, branch.norm, sub(g, g.first(centre), emit(g, branch.surround, centre))));
}

Value emit(GraphBuilder& g, const moe::cod::ContrastExpert& expert, const Value& x) {
  return emit(g, expert.fuse,
              g.concat({emit(g, expert.small, x), emit(g, expert.medium, x), emit(g, expert.large, x),
                        emit(g, expert.all, x)}));
}

Value emit(GraphBuilder& g, const moe::cod::AttentionExpert& expert, const Value& x) {
  constexpr int64_t side = moe::cod::AttentionExpert::kTokens;
  const Value tokens = emit(g, expert.norm, adaptive_avg_pool(g, x, side, side));
  const Value seen = attention(g, emit(g, expert.query, x), emit(g, expert.key, tokens), emit(g, expert.value, tokens),
                               moe::cod::AttentionExpert::kHeads, expert.inner);
  return emit(g, expert.fuse, g.concat({g.to_map(seen, x, expert.inner), emit(g, expert.all, x)}));
}

Value emit(GraphBuilder& g, const moe::cod::HybridExpert& expert, const Value& x) {
  const Value open = emit(g, expert.gate, x);
  return emit(g, expert.fuse, mul(g, emit(g, expert.local, emit(g, expert.filter, x)), open));
}

// ---- the generic family -----------------------------------------------------------------------------------

/// elu(x) + 1
Value positive(GraphBuilder& g, const Value& x) {
  const Value above = relu(g, x);
  return add(g, above, g.node("Exp", {sub(g, x, above)}));
}

Value linear_attention(GraphBuilder& g, const Value& q, const Value& k, const Value& v, int64_t heads, int64_t C) {
  const auto by_head = [&](const Value& x, const std::vector<int64_t>& order) {
    return g.transpose(g.reshape(g.last(x), {-1, heads, C / heads}), order);
  };
  const Value queries = positive(g, by_head(q, {0, 2, 1, 3})), keys = positive(g, by_head(k, {0, 2, 3, 1}));
  const Value above = g.node("MatMul", {queries, g.node("MatMul", {keys, by_head(v, {0, 2, 1, 3})})});
  const Value sums = g.node("ReduceSum", {keys, g.integers({-1})});  // (B, heads, D, 1)
  const Value y = div(g, above, add(g, g.node("MatMul", {queries, sums}), 1e-12));
  return g.reshape(g.transpose(y, {0, 2, 1, 3}), {-1, C});
}

/// What the keys and values see: (B, M, C).  A map with many pixels is pooled; how many it has is known when the graph
/// runs, so this is a branch.
Value seen_by(GraphBuilder& g, const moe::SdtaOptions& options, const Value& map, int64_t C) {
  const auto tokens = [&] { return g.reshape(g.last(map), {-1, C}); };
  if (options.pool_above == 0) return tokens();
  const Value pixels = g.node("ReduceProd", {g.size(map)}, {attribute("keepdims", 0)});
  const Value many = g.node("Greater", {pixels, g.integer(options.pool_above * options.pool_above)});
  const auto pooled = [&] {
    return g.reshape(g.last(adaptive_avg_pool(g, map, options.pool_to, options.pool_to)), {-1, C});
  };
  return g.branch(many, pooled, tokens);
}

Value emit(GraphBuilder& g, const moe::generic::AttentionExpert& expert, const Value& x) {
  const moe::SdtaEncoder& encoder = expert.encoder;
  const int64_t C = encoder.proj.weight.dim(0);
  const Value map = g.last(x), seen = seen_by(g, encoder.options, map, C);
  const Tensor& w = encoder.qkv.weight.value();  // (3 C, C), without bias
  const auto projected = [&](const char* name, const Value& from, int64_t row) {
    return g.node("MatMul", {from, g.weight(text(encoder.path(), ".", name), permute(w.slice(row, row + C), {1, 0}))});
  };
  const Value q = projected("q", map, 0), k = projected("k", seen, C), v = projected("v", seen, 2 * C);
  const bool linear = encoder.options.kind == moe::AttentionKind::linear;
  const Value y = (linear ? linear_attention : attention)(g, q, k, v, encoder.heads, C);
  return g.to_map(emit(g, encoder.proj, y), map, C);
}

Value emit(GraphBuilder& g, const moe::generic::HybridExpert& expert, const Value& x) {
  const Value near = gelu(g, emit(g, expert.local, emit(g, expert.norm, emit(g, expert.filter, x))));
  return emit(g, expert.fuse, mul(g, near, emit(g, expert.gate, x)));
}

Value emit(GraphBuilder& g, const moe::generic::FrequencyExpert& expert, const Value& x) {
  return emit(g, expert.bands, bands_of(g, x));
}

Value emit(GraphBuilder& g, const moe::generic::EdgeExpert& expert, const Value& x) {
  const auto [edges, bend] = emit(g, expert.filters, x);
  const Value slope2 = add(g, edges, 1e-8);
  return emit(g, expert.edges,
              {g.node("Sqrt", {slope2}), g.node("Abs", {bend}), root(g, add(g, slope2, mul(g, bend, bend)), 1e-8), x});
}

Value emit(GraphBuilder& g, const moe::generic::ContextExpert& expert, const Value& x) {
  const auto level = [&](const moe::Pointwise& layer, int64_t side) {
    return resize_bilinear(g, emit(g, layer, adaptive_avg_pool(g, x, side, side)), x);
  };
  const moe::FourViews& levels = expert.levels;
  return emit(
      g, levels.fuse,
      g.concat({level(levels.first, 8), level(levels.second, 4), level(levels.third, 2), level(levels.fourth, 1)}));
}

Value emit(GraphBuilder& g, const moe::generic::ContrastExpert& expert, const Value& x) {
  const Value local = gelu(g, emit(g, expert.norm, emit(g, expert.filter, x)));
  return emit(g, expert.fuse, emit(g, expert.mix_norm, emit(g, expert.mix, local)));
}

Value emit(GraphBuilder& g, const moe::SingleExpert& expert, const Value& x) {
  return emit(g, expert.fuse, emit(g, expert.widen, emit(g, expert.filter, x)));
}

/// The result of an expert that is one of these kinds.
template <class... Kinds> Value emit_one_of(GraphBuilder& g, const moe::Expert& expert, const Value& x) {
  Value y;
  const auto tried = [&]<class Kind>(const Kind* kind) { return kind && (y = emit(g, *kind, x), true); };
  const bool known = (tried(dynamic_cast<const Kinds*>(&expert)) || ...);
  check<ConfigError>(known, "onnx: ", expert.path(), ": this kind of expert has no form in ONNX yet [an emit() in ",
                     "export/onnx/experts.cpp]");
  return y;
}

}  // namespace

Value emit(GraphBuilder& g, const moe::Expert& expert, const Value& x) {
  Part part(g, expert);
  return emit_one_of<moe::DilatedViews, moe::cod::FrequencyExpert, moe::cod::EdgeExpert, moe::cod::ContrastExpert,
                     moe::cod::AttentionExpert, moe::cod::HybridExpert, moe::generic::AttentionExpert,
                     moe::generic::HybridExpert, moe::generic::FrequencyExpert, moe::generic::EdgeExpert,
                     moe::generic::ContextExpert, moe::generic::ContrastExpert, moe::SingleExpert>(g, expert, x);
}

}  // namespace camo::program::onnx
