// Experts: modules that process a feature map in different ways; one file per family in moe/experts/.
//
// An expert maps (B, H, W, C) to f(x) of the same shape, without a residual connection: the mixture adds x once.
// Experts normalise per pixel (layer norm), never over the batch, so the result for an image does not depend on other
// images that the expert gets.  To add one: a struct in the file of its family and a line at the end of the family
// in experts.cpp.
#pragma once

#include <array>

#include "moe/sdta.h"

namespace camo::moe {

/// Returns f(x) with the shape of x (R, H, W, C); R may be 0 or more.
struct Expert : nn::Module {
  using Module::Module;
  virtual Var forward(const Var& x) = 0;
};

/// A kind of expert: its name, and a function that makes one for C channels.
struct ExpertKind {
  std::string name;
  std::function<std::unique_ptr<Expert>(nn::Scope s, int64_t dim)> make;
};
template <class E> std::unique_ptr<Expert> make_expert(nn::Scope s, int64_t dim) {
  return std::make_unique<E>(std::move(s), dim);
}

/// All experts of a layer, numbered from 0.  The layer, its checks, the survey and the pictures use experts only
/// through this interface, so each of them works with every kind of layer.
struct Experts : nn::Module {
  using Module::Module;
  std::vector<std::string> names;  // one per expert

  int64_t count() const { return int64_t(names.size()); }
  /// packed (R, ..., C) -> f(x) of the same shape; the rows of expert e are [begin[e], begin[e + 1]).  begin has
  /// count() + 1 numbers, from 0 to R.
  virtual Var results(const Var& packed, const std::vector<int64_t>& begin) = 0;
  /// The result of expert e for rows (R, ..., C), whether they were routed to it or not.
  virtual Var one(int64_t e, const Var& rows) = 0;
};

/// Separate experts: each runs once, on the slice of its rows.  Their names in the state_dict are 0, 1, ...
class ExpertList : public Experts {
 public:
  ExpertList(nn::Scope s, int64_t dim, const std::vector<ExpertKind>& kinds);
  Expert& operator[](int64_t e) const { return *experts_.at(size_t(e)); }
  Var results(const Var& packed, const std::vector<int64_t>& begin) override;
  Var one(int64_t e, const Var& rows) override { return run_block((*this)[e], rows); }

 private:
  std::vector<std::unique_ptr<Expert>> experts_;
};

/// gelu(norm(W x + b)) per pixel: the step between the operators of an expert.
struct Pointwise : nn::Module {
  nn::Linear conv;
  nn::LayerNorm norm;
  Pointwise(nn::Scope s, int64_t in, int64_t out)
      : Module(std::move(s)), conv(sub("conv"), in, out), norm(sub("norm"), out) {}
  Var forward(const Var& x) { return gelu(norm.forward(conv.forward(x))); }
};

/// Fuses a quarter of the channels from each of four maps.  Not a Module: the expert that holds it passes the scopes
/// that name its five layers, in the order of the members.
struct FourViews {
  Pointwise first, second, third, fourth, fuse;
  FourViews(std::array<nn::Scope, 5> s, int64_t dim)
      : first(std::move(s[0]), dim, dim / 4),
        second(std::move(s[1]), dim, dim / 4),
        third(std::move(s[2]), dim, dim / 4),
        fourth(std::move(s[3]), dim, dim - 3 * (dim / 4)),
        fuse(std::move(s[4]), dim, dim) {}
  Var join(const Vars& views) { return fuse.forward(concat(views, -1)); }
  Var forward(const Var& a, const Var& b, const Var& c, const Var& d) {
    return join({first.forward(a), second.forward(b), third.forward(c), fourth.forward(d)});
  }
};

/// A gate per channel from the mean of the whole image: x (B, H, W, C) -> (B, 1, 1, C).  Not a Module either: its two
/// layers are named by the scopes passed.  Hu, Shen, Sun 2018, "Squeeze-and-excitation networks", arXiv:1709.01507.
struct ChannelGate {
  nn::Linear squeeze, excite;
  ChannelGate(nn::Scope of_squeeze, nn::Scope of_excite, int64_t dim, int64_t inner)
      : squeeze(std::move(of_squeeze), dim, inner), excite(std::move(of_excite), inner, dim) {}
  Var forward(const Var& x) { return sigmoid(excite.forward(gelu(squeeze.forward(mean(x, {1, 2}, /*keep=*/true))))); }
};

struct DilatedOptions {
  int64_t dilation = 1;
  bool depthwise = false;  // one 3 x 3 kernel for each channel instead of a full convolution
};

/// Reduces the channels, then applies a dilated 3 x 3 convolution.
struct DilatedBranch : nn::Module {
  nn::Linear squeeze;
  nn::Conv2d filter;
  nn::LayerNorm norm;
  DilatedBranch(nn::Scope s, int64_t in, int64_t out, const DilatedOptions& options)
      : Module(std::move(s)),
        squeeze(sub("squeeze"), in, out),
        filter(sub("filter"), out, out, 3,
               {.padding = options.dilation, .dilation = options.dilation, .groups = options.depthwise ? out : 1}),
        norm(sub("norm"), out) {}
  Var forward(const Var& x) { return gelu(norm.forward(filter.forward(squeeze.forward(x)))); }
};

/// The texture expert of both families: four dilations, with a quarter of the channels each.
struct DilatedViews : Expert {
  DilatedBranch near, mid, far, farther;
  Pointwise fuse;

  DilatedViews(nn::Scope s, int64_t dim, const std::array<DilatedOptions, 4>& branch)
      : Expert(std::move(s)),
        near(sub("near"), dim, dim / 4, branch[0]),
        mid(sub("mid"), dim, dim / 4, branch[1]),
        far(sub("far"), dim, dim / 4, branch[2]),
        farther(sub("farther"), dim, dim - 3 * (dim / 4), branch[3]),
        fuse(sub("fuse"), dim, dim) {}

  Var forward(const Var& x) override {
    return fuse.forward(concat({near.forward(x), mid.forward(x), far.forward(x), farther.forward(x)}, -1));
  }
};

/// 3 x 3 Sobel and Laplace filters on every channel.  They are constants; if training could change them, this would be
/// an ordinary convolution.
struct EdgeFilters : nn::Module {
  nn::Buffer &sobel_x, &sobel_y, &laplacian;
  EdgeFilters(nn::Scope s, int64_t dim)
      : Module(std::move(s)),
        sobel_x(filter("sobel_x", dim, {-1, 0, 1, -2, 0, 2, -1, 0, 1})),
        sobel_y(filter("sobel_y", dim, {-1, -2, -1, 0, 0, 0, 1, 2, 1})),
        laplacian(filter("laplacian", dim, {0, 1, 0, 1, -4, 1, 0, 1, 0})) {}

  /// The squared gradient magnitude, and the Laplacian.
  std::pair<Var, Var> forward(const Var& x) {
    return {square(filtered(x, sobel_x)) + square(filtered(x, sobel_y)), filtered(x, laplacian)};
  }

 private:
  /// The same filter for each channel, as a depthwise weight (C, 3, 3, 1).
  nn::Buffer& filter(const char* name, int64_t dim, const std::vector<double>& taps) {
    Tensor one = cast(from<double>(taps, {1, 3, 3, 1}), state().dtype);
    return buffer(name, expand(one, {dim, 3, 3, 1}), {.saved = false});
  }
  static Var filtered(const Var& x, const nn::Buffer& filter) {
    return conv2d(x, Var(filter.value), {}, {.padding = 1, .groups = x.dim(-1)});
  }
};

/// The families, in the order in which a mixture takes their kinds.
const std::vector<ExpertKind>& cod_experts();
std::vector<ExpertKind> generic_experts(AttentionKind attention = AttentionKind::flash, int64_t pool_above = 32);
/// The first `count` kinds of a family, or all if it is 0; beyond the family's size they repeat.
std::vector<ExpertKind> pick(const std::vector<ExpertKind>& family, int64_t count);
/// The kinds with these names, in this order, a name perhaps several times ("texture", "texture 2").  ConfigError names
/// an unknown one and lists the family.
std::vector<ExpertKind> pick(const std::vector<ExpertKind>& family, const std::vector<std::string>& names);

}  // namespace camo::moe
