// Experts: six different ways to look at a feature map for something that hides in it.
//
// Each maps (B, H, W, C) to f(x) of the same shape, without the residual: the layer adds x once.  All
// normalise per pixel (layer norm), never over the batch, so an image's result does not depend on who else
// was sent to the expert.  All are built of the same parts and cost about 2 C^2 multiply-adds a pixel, so a
// batch costs the same however it is routed.  Adding one: a file in moe/experts/ and a line in experts.cpp.
#pragma once

#include "nn/layers.h"

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

/// A kind of expert by name, and how to append one for C channels to a list.
struct ExpertKind {
  const char* name;
  Expert& (*add)(nn::List<Expert>& list, int64_t dim);
};
template <class E>
Expert& add_expert(nn::List<Expert>& list, int64_t dim) {
  return list.add<E>(dim);
}

/// texture, frequency, edge, contrast, attention, hybrid.
const std::vector<ExpertKind>& expert_kinds();
/// The kind called name; ConfigError lists the known ones.
const ExpertKind& expert_kind(const std::string& name);

}  // namespace camo::moe
