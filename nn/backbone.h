// Backbone: a photograph in, four feature maps out.  One of the two virtual seams of the library.
#pragma once

#include "nn/module.h"

namespace camo::nn {

struct Backbone : Module {
  std::vector<int64_t> dims;  // channels of the four maps

  /// x (B, H, W, 3), normalised as its weights expect -> maps (B, h, w, dims[i]) at strides 4, 8, 16, 32.
  virtual std::vector<Var> forward(const Var& x) = 0;

 protected:
  Backbone(Scope s, std::vector<int64_t> dims) : Module(std::move(s)), dims(std::move(dims)) {}
};

/// Every name that make_backbone knows.
std::vector<std::string> backbone_names();

/// drop_path: rate of the last block; block k of D gets drop_path * k / (D - 1).
/// Throws ConfigError that lists the names, and the nearest one, for a name that does not exist.
std::unique_ptr<Backbone> make_backbone(Scope scope, const std::string& name, double drop_path = 0);

}  // namespace camo::nn
