// What a network is made of, as ONNX nodes: each function here has the name and the meaning of a layer of nn/layers.h
// or of a function of autograd/ops.h.
//
// emit(g, module, x) writes what module.forward(x) computes in evaluation.  Weights keep the names of the state_dict.
#pragma once

#include "examples/camo/export/onnx/graph.h"
#include "nn/layers.h"

namespace camo::program::onnx {

// ---- layers -----------------------------------------------------------------------------------------------

/// In the layout of x: a product, or for maps with channels first a 1 x 1 convolution.
Value emit(GraphBuilder& g, const nn::Linear& layer, const Value& x);
Value emit_scaled(GraphBuilder& g, const nn::Linear& layer, const Value& x, const Var& gain);
/// Takes and gives channels first, like all convolutions, poolings and resizes here.
Value emit(GraphBuilder& g, const nn::Conv2d& layer, const Value& x);
Value emit(GraphBuilder& g, const nn::BatchNorm& layer, const Value& x);
/// Takes and gives channels last.
Value emit(GraphBuilder& g, const nn::LayerNorm& layer, const Value& x);
Value emit(GraphBuilder& g, const nn::Mlp& layer, const Value& x);
Value emit_scaled(GraphBuilder& g, const nn::Mlp& layer, const Value& x, const Var& gain);

// ---- functions --------------------------------------------------------------------------------------------

inline Value add(GraphBuilder& g, const Value& a, const Value& b) { return g.binary("Add", a, b); }
inline Value sub(GraphBuilder& g, const Value& a, const Value& b) { return g.binary("Sub", a, b); }
inline Value mul(GraphBuilder& g, const Value& a, const Value& b) { return g.binary("Mul", a, b); }
inline Value div(GraphBuilder& g, const Value& a, const Value& b) { return g.binary("Div", a, b); }
inline Value add(GraphBuilder& g, const Value& a, double b) { return add(g, a, g.number(b)); }
inline Value mul(GraphBuilder& g, const Value& a, double b) { return mul(g, a, g.number(b)); }
inline Value relu(GraphBuilder& g, const Value& x) { return g.node("Relu", {x}); }
inline Value sigmoid(GraphBuilder& g, const Value& x) { return g.node("Sigmoid", {x}); }
Value relu6(GraphBuilder& g, const Value& x);
Value gelu(GraphBuilder& g, const Value& x);  // with erf

/// weight as in memory, (O, kh, kw, I / groups).
Value conv2d(GraphBuilder& g, const Value& x, const std::string& name, const Tensor& weight, const Value* bias,
             const ConvSpec& spec);
/// Mean and maximum over the pixels of a map, in its layout, with axes of length 1.
Value mean_of_pixels(GraphBuilder& g, const Value& x);
Value max_of_pixels(GraphBuilder& g, const Value& x);
/// The mean of kernel x kernel pixels around each, with zeros beyond the map.
Value box_mean(GraphBuilder& g, const Value& x, int64_t kernel);
Value adaptive_avg_pool(GraphBuilder& g, const Value& x, int64_t height, int64_t width);
/// To the height and width of another map.
Value resize_bilinear(GraphBuilder& g, const Value& x, const Value& like);
/// q (B, H, W, heads D) or (B, N, heads D), k and v (B, ..., heads D) -> (B, N, heads D).
Value attention(GraphBuilder& g, const Value& q, const Value& k, const Value& v, int64_t heads, int64_t channels);
/// The parts of the last axis, which are of equal lengths.
Values split_last(GraphBuilder& g, const Value& x, int64_t count);

}  // namespace camo::program::onnx
