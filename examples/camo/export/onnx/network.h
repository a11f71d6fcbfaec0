// A trained network as an ONNX graph.  Each emit() mirrors the forward() of the module beside which it is named.
//
// Read after: graph.h, layers.h.
#pragma once

#include "examples/camo/export/onnx/layers.h"
#include "moe/camoxpert.h"
#include "nn/backbones/swin.h"

namespace camo::program::onnx {

/// How a mixture is written.
///   branches  an expert is a branch, which runs on the photographs that have chosen it, if there are any
///   dense     every expert runs, and its result is multiplied by its weight, which is 0 where it was not chosen
enum class Mixture { branches, dense };
constexpr auto names_of(Mixture) { return std::array{"branches", "dense"}; }

/// Height and width of the photographs, padded; {0, 0} if they are not known.
struct MapSize {
  int64_t height = 0, width = 0;
  bool known() const { return height > 0; }
};

/// The four maps of a backbone for a normalised photograph whose sides are multiples of 32.  ConfigError for an unknown
/// family, and for Swin without a size.
Values emit(GraphBuilder& g, const nn::Backbone& backbone, const Value& image, MapSize size);
Values emit(GraphBuilder& g, const nn::Swin& net, const Value& image, MapSize size);
/// The result of an expert.  ConfigError for an unknown kind.
Value emit(GraphBuilder& g, const moe::Expert& expert, const Value& x);
Value emit(GraphBuilder& g, const moe::Moe& layer, const Value& x, Mixture mixture);
/// A layer between backbone and decoder.
Value emit(GraphBuilder& g, const moe::Scale& scale, const Value& x, Mixture mixture);
/// Logits at H/4 from the maps of the four scales, channels first.
Value emit(GraphBuilder& g, const moe::CamoXpert& net, const Values& maps);

}  // namespace camo::program::onnx
