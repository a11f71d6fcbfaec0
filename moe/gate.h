// Gates: the features that the router sees.
//
// The simple gate uses the mean of each channel.  The content-aware gate adds each channel's maximum and features of
// pixel neighbourhoods: a small animal in a large picture changes the maximum but hardly the mean.  Both end in a
// linear layer, the router's `gate`.
#pragma once

#include "nn/layers.h"

namespace camo::moe {

enum class GateKind { simple, content_aware };

/// The features of the simple gate, for a Tensor or Var: the mean over all axes between the first and the last, (B,
/// ..., C) -> (B, C).
template <class X> X pooled(const X& x) {
  std::vector<int> inner;
  for (int axis = 1; axis + 1 < x.rank(); ++axis) inner.push_back(axis);
  return inner.empty() ? x : mean(x, inner);
}

/// The features of the content-aware gate: three views of a map with C / 4 numbers each, combined into C / 2 features:
/// x (B, H, W, C) -> (B, C / 2).
struct GateViews : nn::Module {
  nn::Conv2d spatial;
  nn::Linear channel, max, mix;
  nn::Dropout dropout;

  /// Throws ConfigError unless 4 divides dim.
  GateViews(nn::Scope s, int64_t dim)
      : Module(std::move(s)),
        spatial(sub("spatial"), dim, quarter(dim), 3, {.padding = 1, .groups = quarter(dim)}),
        channel(sub("channel"), dim, dim / 4),
        max(sub("max"), dim, dim / 4),
        mix(sub("mix"), 3 * (dim / 4), dim / 2),
        dropout(sub("dropout"), 0.1) {}

  Var forward(const Var& x) {
    Var near = mean(gelu(spatial.forward(x)), {1, 2});
    Var average = gelu(channel.forward(mean(x, {1, 2}))), most = gelu(max.forward(camo::max(x, {1, 2})));
    return dropout.forward(gelu(mix.forward(concat({near, average, most}, -1))));
  }

 private:
  static int64_t quarter(int64_t dim) {
    check<ConfigError>(dim % 4 == 0, "content-aware gate: takes a multiple of 4 channels, got ", dim);
    return dim / 4;
  }
};

}  // namespace camo::moe
