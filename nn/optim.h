// Optimizers: AdamW and SGD over all parameters of a model, in one fused pass.
//
//   AdamW optimizer(net, {.decay = 0.05, .clip = 1});
//   backward(loss);                          // once, or once per micro-batch: gradients add up
//   if (optimizer.step(rate).accepted) commit(net); else discard(net);
//
// A parameter without a gradient (an expert that was not chosen) stays as it is, without decay, and its step count does
// not change.  A non-finite gradient rejects the whole step before anything is written.  Parameters are looked up at
// every step, so they may be frozen or unfrozen between steps; the state is kept by name.
#pragma once

#include <map>

#include "nn/processes/shared_step.h"
#include "nn/state_dict.h"

namespace camo::nn {

/// Settings for the parameters whose names contain path as one or more whole parts: "router" is in
/// "scales.0.mixture.router.gate.weight".  The first matching group applies.  It has factors instead of rates, so that
/// it works with any schedule.
struct ParameterGroup {
  std::string path;
  double rate_scale = 1, decay_scale = 1;
  double clip = 0;  // largest norm of the group's gradients, applied before the optimizer's clip; 0: no limit
};

/// What applies to all parameters.  decay: decoupled weight decay, multiplied by the rate; norms and biases have none.
/// clip: the largest global gradient norm, 0 for no limit.
struct OptimizerSettings {
  double decay = 0, clip = 0;
  std::vector<ParameterGroup> groups = {};
};

struct StepResult {
  bool accepted = true;
  double grad_norm = 0;                   // global L2 norm before clipping
  std::string non_finite = {};            // if not accepted: the first parameter with a non-finite gradient
  std::vector<std::string> reached = {};  // the parameters that a gradient has reached
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Updates the parameters with this learning rate and clears all gradients.  If not accepted, nothing
  /// else has changed.
  StepResult step(double rate);

  /// From now on this process updates the parameters that it owns; null: all.  Then step() and state() are calls that
  /// every process makes, and state() is whole at process 0 alone.  It must outlive the optimizer.
  void share(SharedStep* shared) { shared_ = shared; }

  /// Other settings from the next step on; moments and step counts stay.
  void configure(OptimizerSettings settings);

  /// Moments and step counts of every parameter updated so far ("first.NAME", "second.NAME", "steps.NAME"),
  /// in memory layout.
  /// The tensors alias the optimizer's.
  NamedTensors state() const;
  /// Restores saved state, or throws WeightsError, naming what does not fit, and changes nothing.
  void load_state(const NamedTensors& state);

 protected:
  struct Slot {
    Tensor first, second;  // second is used by AdamW only
    int64_t steps = 0;     // number of updates of this parameter
  };
  struct Update {
    Tensor parameter, gradient;
    Slot* slot;
    double rate, decay;
  };
  Optimizer(Module& model, OptimizerSettings settings, bool has_second);
  virtual void update(const std::vector<Update>& updates, double gradient_scale) = 0;

 private:
  /// A parameter that a gradient has reached, its place among all, and the sum of squares of its gradient.
  struct Reached {
    size_t number;
    Parameter parameter;
    double squares;
  };
  std::vector<Reached> reached_parameters();
  const ParameterGroup* group_of(const std::string& name);
  Update make_update(const Parameter& p, double rate, double gradient_scale);

  Module& model_;
  SharedStep* shared_ = nullptr;
  OptimizerSettings settings_;
  std::map<std::string, const ParameterGroup*> group_;  // of each parameter that a step has reached
  bool has_second_;
  std::map<std::string, Slot> slots_;
};

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, decay = 0.01, clip = 0;
  std::vector<ParameterGroup> groups = {};
};

/// AdamW: Loshchilov, Hutter 2019, arXiv:1711.05101, algorithm 2.
class AdamW : public Optimizer {
 public:
  explicit AdamW(Module& model, AdamWOptions options = {});

 private:
  void update(const std::vector<Update>& updates, double gradient_scale) override;
  AdamWOptions options_;
};

struct SgdOptions {
  double momentum = 0, decay = 0, clip = 0;
  std::vector<ParameterGroup> groups = {};
};

/// SGD: v = momentum v + g + decay p;  p -= rate v.
class Sgd : public Optimizer {
 public:
  explicit Sgd(Module& model, SgdOptions options = {});

 private:
  void update(const std::vector<Update>& updates, double gradient_scale) override;
  SgdOptions options_;
};

}  // namespace camo::nn
