// What a run writes into its event file at the end of an epoch.
//
// Weights have one histogram for each stage of the backbone, each scale, and each other part of the network: 10 to 13
// of 5 kB.  One for each tensor would be 30 to 60 times that.  The photographs and true masks of the validation are
// written once a file, the predictions in every epoch, in cells of kCell pixels.
#pragma once

#include "examples/camo/options/json.h"
#include "examples/camo/report/events.h"
#include "nn/module.h"

namespace camo::program {

/// The tag of each number in a line of metrics.jsonl, and the number: loss -> loss/total, loss_deep -> loss/deep, iou
/// -> score/IoU, load_0 -> load/H_4/EXPERT.  experts: their names at each scale, finest first.
std::vector<std::pair<std::string, double>> tagged_numbers(const JsonObject& line,
                                                           const std::vector<std::vector<std::string>>& experts);

/// The part whose histogram has a parameter: "backbone.stages.0", "scales.1", "decoder".
std::string part_of_parameter(const std::string& name);

/// A table of pictures, u8 (h, w, 1) or (h, w, 3), each fitted into a cell with its proportions kept.  Returns u8
/// (H, W, 3), or (H, W, 1) if all of them are grey.
Tensor picture_table(const std::vector<std::vector<Tensor>>& rows, int64_t cell);

/// Event files of one process of a run.
class RunEvents {
 public:
  explicit RunEvents(const std::string& folder) : file_(folder) {}

  /// The run goes on after this many steps.
  void go_on(int64_t steps);
  /// An epoch: the numbers of its line in metrics.jsonl; rows of photograph, truth, prediction; weights.
  void add_epoch(const JsonObject& line, const std::vector<std::vector<Tensor>>& rows, const nn::Module& network,
                 const std::vector<std::vector<std::string>>& experts);
  /// Writes what was added; see EventFile.
  void flush() {
    file_.flush();
    photographs_written_ = photographs_written_ || photographs_wait_;
  }

 private:
  EventFile file_;
  bool photographs_wait_ = false, photographs_written_ = false;
};

}  // namespace camo::program
