// Finds the parameters of a network that receive no gradient.
//
// One step proves nothing (an expert may not have been chosen), so gradients are counted over many steps.
#pragma once

#include <map>

#include "nn/module.h"

namespace camo::nn {

/// Counts gradients.
class GradientWindow {
 public:
  /// Counts those that there are: call it before the optimizer's step, which clears them.
  void observe(const Module& module);
  /// The same from StepResult::reached, after the step.
  void observe(const std::vector<std::string>& reached);
  int64_t steps() const { return steps_; }
  /// The number of steps in which this parameter received a gradient.
  int64_t count(const std::string& name) const;
  void clear() { steps_ = 0, counts_.clear(); }

 private:
  int64_t steps_ = 0;
  std::map<std::string, int64_t> counts_;
};

/// Names of the parameters that are not frozen and received no gradient in the whole window.
/// Throws GraphError for an empty window.
std::vector<std::string> unreached(const Module& module, const GradientWindow& window);

}  // namespace camo::nn
