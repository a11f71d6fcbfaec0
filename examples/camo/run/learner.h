// The network, its optimizer and its averaged weights, and one optimizer step of them.
#pragma once

#include <functional>
#include <optional>

#include "examples/camo/data/loader.h"
#include "examples/camo/record/pass_report.h"
#include "examples/camo/record/position.h"
#include "examples/camo/trained/checkpoint.h"
#include "nn/checking/unreached.h"
#include "nn/ema.h"
#include "nn/optim.h"
#include "nn/processes/gradient_sum.h"

namespace camo::program {

class Learner {
 public:
  /// fresh: starts from config.weights if given; otherwise load() must follow.
  Learner(const TrainConfig& config, bool fresh);

  /// Trains as this stage says in its epoch `epoch`, from the next step on: what is frozen, loss, rates, clipping,
  /// averaging.  The optimizer's moments stay.
  /// begins: the stage begins here, so the averaged (EMA) weights start anew.
  void enter(const TrainConfig& stage, int64_t epoch, bool begins);

  /// Called before each forward pass with its number and batch; tests use it to inject faults.
  using BeforePass = std::function<void(int64_t micro_step, Sample& batch)>;

  /// From now on each of these processes computes its turn of a step's batches.  They must outlive this.
  void share(Processes& all);

  /// One update from the mean gradient of `all` batches; `batches` are this process's.  all = 0: these are all.  Every
  /// process gets the same report, with what note() is at each after its passes.  If a loss or gradient is not finite, weights, averages,
  /// optimizer and running statistics stay as they were, and the pass is repeated to name the op.
  /// Every config.verify_every forward passes the routing is checked (moe::Guard), which may throw VerifyError.
  StepReport step(std::vector<Sample>& batches, double rate, const BeforePass& before, int64_t all = 0,
                  const std::function<std::string()>& note = nullptr);

  /// A digest of the weights, the statistics and the averages.
  uint64_t digest() const;
  moe::CamoXpert& model() { return *model_; }
  const std::string& weights_report() const { return weights_report_; }  // what came from config.weights
  /// Counts which parameters have received gradients in this process.
  const nn::GradientWindow& gradients() const { return gradients_; }
  nn::SharedStep* shared() { return shared_.get(); }  // null for one process
  nn::Ema* ema() { return ema_ ? &*ema_ : nullptr; }

  /// Tensors are stored in the checkpoint, counters in the position.
  void save(Checkpoint& checkpoint, Position& position, bool with_optimizer) const;
  void load(const Checkpoint& checkpoint, const Position& position);

 private:
  double pass(const Sample& batch, double share, PassReport* report);
  std::string passes(std::vector<Sample>& batches, int64_t all, const BeforePass& before,
                     std::vector<PassReport>* reports);
  void exchange(StepReport& report, std::vector<PassReport>& reports, std::string* spoilt, const std::string& note,
                int64_t all);
  std::string find_culprit(const std::vector<Sample>& batches, int64_t first, int64_t all);

  DType precision_;
  moe::LossWeights loss_weights_;
  int64_t verify_every_;  // in micro-steps
  std::unique_ptr<moe::CamoXpert> model_;
  std::string weights_report_;
  std::unique_ptr<nn::SharedStep> shared_;
  nn::AdamW optimizer_;
  nn::GradientSum sum_;
  std::optional<nn::Ema> ema_;
  nn::GradientWindow gradients_;
  nn::NamedTensors first_gates_;
};

}  // namespace camo::program
