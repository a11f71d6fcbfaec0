// Experts: different ways to look at a feature map, one file a family in moe/experts/.
//
// Each maps (B, H, W, C) to f(x) of the same shape, without the residual: the layer adds x once.  All
// normalise per pixel (layer norm), never over the batch, so an image's result does not depend on who else
// was sent to the expert.  Adding one: a struct in its family's file and a line in experts.cpp.
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

/// The families, in the order in which a mixture takes them.
const std::vector<ExpertKind>& cod_experts();  // texture, frequency, edge, contrast, attention, hybrid

}  // namespace camo::moe
