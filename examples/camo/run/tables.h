// Tables that a run prints after each epoch: who was chosen, and where the time went.
#pragma once

#include <string>
#include <vector>

#include "autograd/profile.h"
#include "examples/camo/draw/route_pictures.h"

namespace camo::program {

/// One row for each expert, one column for each scale: choices in this epoch, their share, the mean share of all epochs
/// so far, and a bar that is full at twice an even share.
///   load: rows per expert, one list per scale; mean_share: of mean_shares()
std::string expert_table(const std::vector<ScaleNames>& scales, const std::vector<std::vector<double>>& load,
                         const std::vector<std::vector<double>>& mean_share);
/// A warning for each expert that got nothing, and for each that more than 80 % of the rows chose where at most half of
/// the experts are chosen.  `chosen`: experts for each row.
std::vector<std::string> expert_warnings(const std::vector<ScaleNames>& scales,
                                         const std::vector<std::vector<double>>& load, int64_t chosen);

/// The mean over epochs of each expert's share, from the lines of metrics.jsonl; empty without lines.
std::vector<std::vector<double>> mean_shares(const std::vector<JsonObject>& metrics);

/// Seconds, share of all, milliseconds a step and bytes kept of each part.
std::string time_table(const std::vector<debug::Profile::Part>& parts, double seconds, int64_t steps);

}  // namespace camo::program
