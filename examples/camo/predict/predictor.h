// From photographs to maps.
//
//   photograph -> inputs of each network in each view -> logits, turned back -> mean -> sigmoid -> refinement -> map
//
// The networks may differ in model, backbone, input size and normalisation.  All logits are brought to the input size
// of the first network before the mean is taken.
// Read before: views.h; after: trained/evaluate.h, which scores the maps of a data set.
#pragma once

#include "examples/camo/options/config.h"
#include "examples/camo/predict/refinement.h"
#include "examples/camo/predict/views.h"
#include "moe/camoxpert.h"

namespace camo::program {

/// What the mean over views and networks is taken of.
enum class Mean { logits, probabilities };
constexpr auto names_of(Mean) { return std::array{"logits", "probabilities"}; }

/// How maps are made from the answers of networks.
struct Recipe {
  std::vector<View> views = {View{}};
  Mean mean = Mean::logits;
  Refinement refinement = {};
};

/// A network in evaluation mode, and what it expects of photographs.
struct Member {
  moe::CamoXpert* model;
  ImageSize size;
  Normalisation normalisation = {};
  DType precision = DType::f32;  // dtype of activations
};
/// A network of that configuration.
Member member_of(moe::CamoXpert& model, const TrainConfig& config);

/// A photograph that is ready for the networks.
struct Photograph {
  std::string name;            // for errors
  ImageSize size;              // of the map
  Tensor image;                // u8 (H, W, 3)
  std::vector<Tensor> inputs;  // f32 (h, w, 3): of each network at each scale
};

/// Probabilities f32 (1, H, W, 1) as a map u8 (H, W, 1).
Tensor rounded(const Tensor& p);

class Predictor {
 public:
  /// `batch`: images in a forward pass; every view of a photograph is one.  It never changes a result.
  explicit Predictor(std::vector<Member> members, Recipe recipe = {}, int64_t batch = 4);

  /// Prepares a photograph u8 (H, W, 3) for a map of `size`.  May be called from any thread.
  Photograph prepared(std::string name, const Tensor& image, ImageSize size) const;
  /// Maps u8 (h, w, 1) of the photographs, each rounded and of its own size.  A map depends on its photograph alone.
  /// NumericError names the photograph whose map holds NaN or infinity.
  std::vector<Tensor> maps(const std::vector<Photograph>& photographs);
  /// The map of one photograph.
  Tensor map(const std::string& name, const Tensor& image, ImageSize size) {
    return maps({prepared(name, image, size)})[0];
  }
  /// The probabilities before refinement: f32 (1, h, w, 1) at the input size of the first network.
  std::vector<Tensor> probabilities(const std::vector<Photograph>& photographs);

  /// How long maps() has taken so far.
  struct Seconds {
    double network = 0, refinement = 0;  // refinement: with scaling to the size of the map
    int64_t maps = 0;
  };
  const Seconds& seconds() const { return seconds_; }

 private:
  struct Scale {
    size_t member;
    ImageSize size;
    std::vector<View> views;  // those of this scale
  };
  void add_answers(const Scale& scale, const std::vector<const Tensor*>& inputs, std::vector<Tensor>& sums);

  std::vector<Member> members_;
  Recipe recipe_;
  int64_t batch_;
  Seconds seconds_;
  std::vector<Scale> scales_;  // of each network in turn; Photograph::inputs has this order
};

}  // namespace camo::program
