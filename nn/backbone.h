// Backbone: takes an image and returns four feature maps.  One of the two classes of the library with virtual functions
// for users to override.
//
//   auto net = nn::backbone("pvt_v2_b2", Scope{.seed = 1});
//   std::vector<Var> maps = net->forward(x);
//
// Each family is one file in backbones/ with a table of its variants.  Parameter names are timm's.
#pragma once

#include "nn/recompute.h"
#include "tensor/ops/augment.h"

namespace camo::nn {

struct Backbone : Module {
  std::vector<int64_t> dims;    // channels of the four maps
  Normalisation normalisation;  // what its published weights expect of photographs

  /// x (B, H, W, 3), normalised as its weights expect -> four maps (B, h, w, dims[i]) at strides 4, 8, 16, 32.
  virtual std::vector<Var> forward(const Var& x) = 0;
  /// Converts a tensor from a file to the shape of the parameter with that name; undefined if that is impossible.  Swin
  /// resizes its tables of relative positions, which depend on the window.
  virtual Tensor fit(const std::string& /*name*/, const Tensor& /*t*/) const { return {}; }

 protected:
  Backbone(Scope s, std::vector<int64_t> dims) : Module(std::move(s)), dims(std::move(dims)) {}
  /// Runs the stages after a stem: the output of each stage is a feature map and the input of the next stage.
  template <class Stage> static std::vector<Var> features(Var x, const List<Stage>& stages) {
    std::vector<Var> maps;
    for (auto& stage : stages) maps.push_back(x = stage->forward(x));
    return maps;
  }
};

struct BackboneOptions {
  double drop_path = 0;               // rate of the last block; block k of D gets drop_path * k / (D - 1),
                                      // of EfficientNet-Lite drop_path * k / D
  int64_t height = 224, width = 224;  // the image size it is built for; only Swin's windows depend on it
};

/// The names of all backbones.
std::vector<std::string> backbone_names();
/// Camo's name for any that timm uses: timm's own (swin_tiny_patch4_window7_224), one with the tag of its weights
/// (pvt_v2_b2.in1k), or that of its repository (timm/pvt_v2_b2.in1k).  An unknown name comes back as it is.
std::string backbone_name(const std::string& name);

/// Accepts what backbone_name() accepts.  Throws ConfigError, with all names and the nearest one, for an unknown name.
std::unique_ptr<Backbone> backbone(const std::string& name, Scope scope = {}, const BackboneOptions& options = {});

}  // namespace camo::nn
