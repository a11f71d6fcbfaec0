// What one optimizer step reports, and the sums of these reports over an epoch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace camo::program {

struct StepReport {
  bool accepted = true;
  double loss = 0, grad_norm = 0;
  std::string culprit = {};               // where the first NaN or infinity appeared, when not accepted
  std::vector<std::vector<double>> load;  // rows per expert, one list per scale
  std::vector<double> auxiliary;          // per scale, mean over the batches: 1 when the load is even (moe/router.h)
  int64_t bytes_kept = 0;                 // by one forward pass for its backward pass
};

/// Part of the checkpoint, so that an epoch that was stopped and continued reports all of its steps.
struct EpochSums {
  double loss = 0, grad_norm = 0;
  int64_t steps = 0, skipped = 0;         // accepted and not
  int64_t bytes_kept = 0;                 // the largest of a step
  std::vector<std::vector<double>> load;  // as in StepReport
  std::vector<double> auxiliary;

  void add(const StepReport& report);

  double mean_loss() const { return loss / divisor(); }
  double mean_grad_norm() const { return grad_norm / divisor(); }
  std::vector<double> mean_auxiliary() const;
  /// Per scale: the largest distance of an expert's load from the mean, as a share of the mean.
  std::vector<double> load_error() const;

 private:
  double divisor() const { return double(steps > 1 ? steps : 1); }  // an epoch without accepted steps has mean 0
};

}  // namespace camo::program
