// A network in double precision for a while, for finite differences at the weights that it has.
#pragma once

#include <utility>
#include <vector>

#include "nn/module.h"

namespace camo::nn {

/// While alive, every parameter below `module` is an f64 leaf with the same numbers, every floating buffer f64, and the
/// network's dtype f64: for finite differences at the weights that there are.  Afterwards the old ones stand there
/// again, with their gradients; what happened to the copies is forgotten.
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
