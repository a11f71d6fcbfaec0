// The report of one optimizer step, and the sums of these reports over an epoch.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace camo::program {

/// Terms of the loss with their weights, and "aux", the routers' part: their sum is the loss.
using LossTerms = std::vector<std::pair<std::string, double>>;

struct StepReport {
  bool accepted = true;
  double loss = 0, grad_norm = 0;
  std::string culprit = {};               // if not accepted: where the first NaN or infinity appeared
  std::vector<std::vector<double>> load;  // rows per expert, one list per scale
  std::vector<double> auxiliary;          // per scale: mean over the batches; 1 for an even load (moe/router.h)
  LossTerms terms = {};                   // means over the batches
  int64_t bytes_kept = 0;                 // bytes that one forward pass keeps for its backward pass
  std::vector<std::string> notes = {};    // of each process
};

/// The sums are part of the checkpoint, so that a stopped and continued epoch reports all its steps.
struct EpochSums {
  double loss = 0, grad_norm = 0, grad_norm_squares = 0;
  int64_t steps = 0, skipped = 0;         // accepted and rejected steps
  int64_t bytes_kept = 0;                 // the largest of all steps
  std::vector<std::vector<double>> load;  // as in StepReport
  std::vector<double> auxiliary;
  LossTerms terms;

  void add(const StepReport& report);

  /// NaN without an accepted step.
  double mean_loss() const { return mean(loss); }
  double mean_grad_norm() const { return mean(grad_norm); }
  /// The standard deviation over the steps.
  double grad_norm_deviation() const {
    return std::sqrt(std::max(0.0, mean(grad_norm_squares) - mean(grad_norm) * mean(grad_norm)));
  }
  std::vector<double> mean_auxiliary() const;
  LossTerms mean_terms() const;
  /// Per scale: the largest deviation of an expert's load from the mean, relative to the mean.
  std::vector<double> load_error() const;

 private:
  double mean(double sum) const { return steps ? sum / double(steps) : std::numeric_limits<double>::quiet_NaN(); }
};

}  // namespace camo::program
