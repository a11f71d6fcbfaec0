// camo export --to onnx: a trained network as one ONNX file, operator set 17.
//
//   input   image  (batch, 3, height, width)  f32: red, green, blue in [0, 1], or normalised (--normalise outside)
//   output  map    (batch, 1, height, width)  f32: probabilities that a pixel belongs to the object, or logits
//
// Each module writes its own nodes, in onnx/.  Reading: onnx/graph.h, onnx/network.h.
#pragma once

#include "examples/camo/export/onnx/network.h"
#include "examples/camo/trained/checkpoint.h"

namespace camo::program {

/// Where photographs are normalised: in the graph, or by the caller.
enum class Normalise { inside, outside };
constexpr auto names_of(Normalise) { return std::array{"inside", "outside"}; }

struct OnnxTarget {
  onnx::Mixture mixture = onnx::Mixture::branches;
  Normalise normalise = Normalise::inside;
  bool logits = false;
  ImageSize size{0, 0};  // of all photographs; {0, 0}: any size, or with Swin the run's
};

/// The options --mixture, --normalise, --logits and --size.
Options options(OnnxTarget& target);
/// The bytes of the file.  ConfigError for what has no form in ONNX.
std::string onnx_model(const TrainedNetwork& network, OnnxTarget target);

}  // namespace camo::program
