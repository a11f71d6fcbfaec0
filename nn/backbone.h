// Backbone: a photograph in, four feature maps out.  One of the two virtual seams of the library.
//
//   auto net = nn::backbone("pvt_v2_b2", Scope{.seed = 1});
//   std::vector<Var> maps = net->forward(x);
//
// Each family is one file of backbones/, with one table of its variants.  Names of parameters are timm's.
#pragma once

#include "nn/module.h"

namespace camo::nn {

struct Backbone : Module {
  std::vector<int64_t> dims;  // channels of the four maps

  /// x (B, H, W, 3), normalised as its weights expect -> maps (B, h, w, dims[i]) at strides 4, 8, 16, 32.
  virtual std::vector<Var> forward(const Var& x) = 0;
  /// A tensor that a file has under the name of a parameter of another shape, made to fit; undefined where it cannot
  /// be.  Swin's tables of relative positions depend on the window.
  virtual Tensor fit(const std::string& /*name*/, const Tensor& /*t*/) const { return {}; }

 protected:
  Backbone(Scope s, std::vector<int64_t> dims) : Module(std::move(s)), dims(std::move(dims)) {}
  /// What every family does after its stem: each stage's map is a feature and the next stage's input.
  template <class Stage> static std::vector<Var> features(Var x, const List<Stage>& stages) {
    std::vector<Var> maps;
    for (auto& stage : stages) maps.push_back(x = stage->forward(x));
    return maps;
  }
};

struct BackboneOptions {
  double drop_path = 0;               // rate of the last block; block k of D gets drop_path * k / (D - 1)
  int64_t height = 224, width = 224;  // pixels it is built for: the windows of Swin follow from them, nothing else
};

/// Every name that backbone() knows.
std::vector<std::string> backbone_names();

/// Throws ConfigError that lists the names, and the nearest one, for a name that does not exist.
std::unique_ptr<Backbone> backbone(const std::string& name, Scope scope = {}, const BackboneOptions& options = {});

}  // namespace camo::nn
