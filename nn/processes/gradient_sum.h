// Sums the gradients of a step's micro-batches.
//
// Each micro-batch's gradient is made whole first: a parameter that is used twice has the sum of its two terms.  Then the
// micro-batches are added in their order.  So the sum has the same bits whichever process computes a micro-batch.
#pragma once

#include "nn/module.h"

namespace camo::nn {

/// Adds a gradient to a sum, which is undefined before the first one and then takes over that one's memory if it can.
void add_gradient(Tensor& sum, Tensor gradient);

class GradientSum {
 public:
  /// Takes the gradients off the parameters and adds them to the sum.
  void add(const Module& module);
  /// Gives the sum to the parameters as their gradients, and is empty again.
  void give(const Module& module);

 private:
  std::vector<Tensor> sums_;  // in the order of named_parameters(); undefined for one that no gradient has reached
};

}  // namespace camo::nn
