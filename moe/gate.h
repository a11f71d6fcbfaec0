// Gates: what the router looks at.
//
// The simple gate asks which channels are strong on average.  The content-aware one also asks how strong they are
// somewhere, and what the neighbourhoods of pixels look like: a small animal in a large picture moves the maximum
// and hardly the mean.  Either ends in one linear layer, the router's `gate`.
#pragma once

#include "nn/layers.h"

namespace camo::moe {

enum class GateKind { simple, content_aware };

/// What the simple gate looks at, a Tensor or Var: the mean over all axes between the first and the last,
/// (B, ..., C) -> (B, C).
template <class X> X pooled(const X& x) {
  std::vector<int> inner;
  for (int axis = 1; axis + 1 < x.rank(); ++axis) inner.push_back(axis);
  return inner.empty() ? x : mean(x, inner);
}

/// What the content-aware gate looks at: three views of a map, C / 4 numbers each, made into C / 2 features:
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
