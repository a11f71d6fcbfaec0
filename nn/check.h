// Questions to a network: which parameters got no gradient, and what does it compute in double precision?
//
// One step proves nothing (an expert may wait for its turn), so gradients are counted over many.
#pragma once

#include <map>

#include "nn/module.h"

namespace camo::nn {

using camo::check;  // the error helper stays visible beside its namesake

/// Counts gradients.  observe() goes between backward() and the optimizer's step, which clears them.
class GradientWindow {
 public:
  void observe(const Module& module);
  int64_t steps() const { return steps_; }
  /// Steps in which this parameter received a gradient.
  int64_t count(const std::string& name) const;
  void clear() { steps_ = 0, counts_.clear(); }

 private:
  int64_t steps_ = 0;
  std::map<std::string, int64_t> counts_;
};

/// Names of the parameters, frozen ones left out, that received no gradient in the whole window.
/// Throws GraphError for an empty window.
std::vector<std::string> check(const Module& module, const GradientWindow& window);

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
