// Optimizer updates: one call updates all parameters in one pass.
#pragma once

#include "tensor/tensor.h"

namespace camo {

/// A parameter with its gradient and state, all of one shape; f32 or f64.  steps counts the updates of this parameter,
/// including this one.
struct AdamWItem {
  Tensor parameter, gradient, first, second;
  int64_t steps;
  double rate, decay;
};
struct AdamWConfig {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double gradient_scale = 1;
};
/// AdamW: Loshchilov, Hutter 2019, arXiv:1711.05101, algorithm 2.  Gradients are multiplied by
/// gradient_scale (clipping).
void adamw(const std::vector<AdamWItem>& items, const AdamWConfig& config);

struct SgdItem {
  Tensor parameter, gradient, momentum;
  double rate, decay;
};
/// v = momentum v + gradient_scale g + decay p;  p -= rate v.
void sgd(const std::vector<SgdItem>& items, double momentum, double gradient_scale = 1);

/// average = decay * average + (1 - decay) * value, for all pairs.
void ema(const std::vector<std::pair<Tensor, Tensor>>& average_and_value, double decay);

namespace kernel {
void adamw(Cpu, const std::vector<AdamWItem>& items, const AdamWConfig& config);
void adamw(Cuda, const std::vector<AdamWItem>& items, const AdamWConfig& config);
void sgd(Cpu, const std::vector<SgdItem>& items, double momentum, double gradient_scale);
void sgd(Cuda, const std::vector<SgdItem>& items, double momentum, double gradient_scale);
void ema(Cpu, const std::vector<std::pair<Tensor, Tensor>>& average_and_value, double decay);
void ema(Cuda, const std::vector<std::pair<Tensor, Tensor>>& average_and_value, double decay);
}  // namespace kernel

}  // namespace camo
