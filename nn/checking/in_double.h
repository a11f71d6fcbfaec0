// Switches a network to double precision for a while, to compare its gradients with finite differences.
#pragma once

#include <utility>
#include <vector>

#include "nn/module.h"

namespace camo::nn {

/// While one exists, every parameter of `module` is an f64 leaf with the same value, floating-point buffers are
/// f64, and the network's dtype is f64.  Its destructor restores the old tensors with their gradients; changes to
/// the copies are lost.
class InDouble {
 public:
  explicit InDouble(Module& module);
  ~InDouble();
  InDouble(const InDouble&) = delete;

 private:
  void enter(Module& module);
  Module& module_;
  DType dtype_;
  std::vector<std::pair<Parameter*, Var>> parameters_;
  std::vector<std::pair<Buffer*, Buffer>> buffers_;
};

}  // namespace camo::nn
