// What one micro-batch tells the step that it belongs to.  A step adds the reports up in the order of its micro-batches,
// whichever process has computed them.
#pragma once

#include "examples/camo/record/epoch_sums.h"
#include "nn/measures.h"

namespace camo::program {

struct PassReport {
  double loss = 0;                             // its share of the step's loss
  LossTerms terms = {};                        // its shares
  int64_t bytes_kept = 0;                      // for its backward pass
  std::vector<std::vector<double>> load = {};  // rows per expert, one list per scale
  std::vector<double> auxiliary = {};          // its share of each scale's
  nn::Measures measures = {};                  // for several processes
};

void pack_report(std::string& bytes, const PassReport& report);
PassReport unpack_report(std::string_view& bytes);

/// Adds a micro-batch to its step.
void add(StepReport& step, const PassReport& pass);

}  // namespace camo::program
