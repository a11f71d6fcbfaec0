// The network, its optimizer and its averaged weights, and one optimizer step of them.
#pragma once

#include <functional>
#include <optional>

#include "examples/camo/data/loader.h"
#include "examples/camo/run/checkpoint.h"
#include "examples/camo/run/position.h"
#include "nn/ema.h"
#include "nn/optim.h"
#include "nn/unreached.h"

namespace camo::program {

class Learner {
 public:
  /// fresh: starts from config.weights, where they are given; else load() follows.
  Learner(const TrainConfig& config, bool fresh);

  /// Called before each forward pass with its number and its batch; tests plant faults here.
  using BeforePass = std::function<void(int64_t micro_step, Sample& batch)>;

  /// One update from the mean gradient of all batches.  A loss or gradient that is not finite leaves weights,
  /// averages, optimizer and running statistics as they were, and the pass is run again to name the op.
  /// Every config.verify_every forward passes the routing is looked at as it runs (moe::Guard): VerifyError.
  StepReport step(std::vector<Sample>& batches, double rate, const BeforePass& before);

  moe::CamoXpert& model() { return *model_; }
  const std::string& weights_report() const { return weights_report_; }  // how much of config.weights was loaded
  /// Which parameters the gradients have reached in the steps of this process.
  const nn::GradientWindow& gradients() const { return gradients_; }
  nn::Ema* ema() { return ema_ ? &*ema_ : nullptr; }

  /// Tensors go to and come from the checkpoint, counters the position.
  void save(Checkpoint& checkpoint, Position& position, bool with_optimizer) const;
  void load(const Checkpoint& checkpoint, const Position& position);

 private:
  double pass(const Sample& batch, double share, StepReport* report);
  std::string find_culprit(const std::vector<Sample>& batches, int64_t first_micro_step);

  DType precision_;
  moe::LossWeights loss_weights_;
  int64_t verify_every_;  // micro-steps
  std::string weights_report_;
  std::unique_ptr<moe::CamoXpert> model_;
  nn::AdamW optimizer_;
  std::optional<nn::Ema> ema_;
  nn::GradientWindow gradients_;
};

}  // namespace camo::program
