// Experts: different ways to look at a feature map, one file a family in moe/experts/.
//
// Each maps (B, H, W, C) to f(x) of the same shape, without the residual: the layer adds x once.  All
// normalise per pixel (layer norm), never over the batch, so an image's result does not depend on who else
// was sent to the expert.  Adding one: a struct in its family's file and a line in experts.cpp.
#pragma once

#include <array>

#include "moe/sdta.h"

namespace camo::moe {

/// f(x) with the shape of x (R, H, W, C); R may be any number of rows.
struct Expert : nn::Module {
  using Module::Module;
  virtual Var forward(const Var& x) = 0;
};

/// gelu(norm(W x + b)) at every pixel: the step between the operators of an expert.
struct Pointwise : nn::Module {
  nn::Linear conv;
  nn::LayerNorm norm;
  Pointwise(nn::Scope s, int64_t in, int64_t out)
      : Module(std::move(s)), conv(sub("conv"), in, out), norm(sub("norm"), out) {}
  Var forward(const Var& x) { return gelu(norm.forward(conv.forward(x))); }
};

/// C -> C / 4 channels, then a 3 x 3 filter with a dilation: one per channel, or a full convolution among them.
struct DilatedBranch : nn::Module {
  nn::Linear squeeze;
  nn::Conv2d filter;
  nn::LayerNorm norm;
  DilatedBranch(nn::Scope s, int64_t in, int64_t out, int64_t dilation, bool depthwise)
      : Module(std::move(s)),
        squeeze(sub("squeeze"), in, out),
        filter(sub("filter"), out, out, 3, {.padding = dilation, .dilation = dilation, .groups = depthwise ? out : 1}),
        norm(sub("norm"), out) {}
  Var forward(const Var& x) { return gelu(norm.forward(filter.forward(squeeze.forward(x)))); }
};

/// The texture expert of both families: four spacings, a quarter of the channels each.
struct DilatedViews : Expert {
  DilatedBranch near, mid, far, farther;
  Pointwise fuse;

  DilatedViews(nn::Scope s, int64_t dim, const std::array<int64_t, 4>& dilation, bool depthwise)
      : Expert(std::move(s)),
        near(sub("near"), dim, dim / 4, dilation[0], depthwise),
        mid(sub("mid"), dim, dim / 4, dilation[1], depthwise),
        far(sub("far"), dim, dim / 4, dilation[2], depthwise),
        farther(sub("farther"), dim, dim - 3 * (dim / 4), dilation[3], depthwise),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    return fuse.forward(concat({near.forward(x), mid.forward(x), far.forward(x), farther.forward(x)}, -1));
  }
};

/// Sobel's and Laplace's 3 x 3 filters on every channel.  They are constants, not initial values: a filter that
/// training may change is just another convolution.
struct EdgeFilters : nn::Module {
  nn::Buffer &sobel_x, &sobel_y, &laplacian;
  EdgeFilters(nn::Scope s, int64_t dim)
      : Module(std::move(s)),
        sobel_x(filter("sobel_x", dim, {-1, 0, 1, -2, 0, 2, -1, 0, 1})),
        sobel_y(filter("sobel_y", dim, {-1, -2, -1, 0, 0, 0, 1, 2, 1})),
        laplacian(filter("laplacian", dim, {0, 1, 0, 1, -4, 1, 0, 1, 0})) {}

  /// The slope squared, and the curvature.
  std::pair<Var, Var> forward(const Var& x) {
    return {square(filtered(x, sobel_x)) + square(filtered(x, sobel_y)), filtered(x, laplacian)};
  }

 private:
  /// The same filter for each channel, as a depthwise weight (C, 3, 3, 1).
  nn::Buffer& filter(const char* name, int64_t dim, const std::vector<double>& taps) {
    Tensor one = cast(from<double>(taps, {1, 3, 3, 1}), state().dtype);
    return buffer(name, expand(one, {dim, 3, 3, 1}), /*saved=*/false);
  }
  static Var filtered(const Var& x, const nn::Buffer& filter) {
    return conv2d(x, Var(filter.value), {}, {.padding = 1, .groups = x.dim(-1)});
  }
};

/// A kind of expert by name, and how to append one for C channels to a list.
struct ExpertKind {
  const char* name;
  std::function<Expert&(nn::List<Expert>& list, int64_t dim)> add;
};
template <class E> Expert& add_expert(nn::List<Expert>& list, int64_t dim) { return list.add<E>(dim); }

/// The families, in the order in which a mixture takes them.
const std::vector<ExpertKind>& cod_experts();  // texture, frequency, edge, contrast, attention, hybrid
/// texture, attention, hybrid, frequency, edge, context, contrast
std::vector<ExpertKind> generic_experts(AttentionKind attention = AttentionKind::flash);
/// count kinds of a family; beyond its size they repeat.
std::vector<ExpertKind> pick(const std::vector<ExpertKind>& family, int64_t count);

}  // namespace camo::moe
