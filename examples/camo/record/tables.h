// What a run prints after each epoch: scores, who was chosen, and where the time went.
#pragma once

#include <string>
#include <vector>

#include "autograd/profile.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/trained/evaluate.h"
#include "nn/checking/unreached.h"

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

/// expert_table and expert_warnings of an epoch; no lines without experts.  metrics: the file metrics.jsonl.
std::vector<std::string> expert_lines(const std::vector<std::vector<double>>& load, moe::CamoXpert& model,
                                      int64_t chosen, const std::string& metrics);

/// "iou 0.8150  dice 0.8960  mae 0.0510", and the monitored measure if it is another.
std::string score_words(const Scores& scores, const std::string& monitor);

/// A warning that names how many parameters no gradient has reached; "" if there are none, or only those of experts, of
/// which expert_warnings tells.
std::string unreached_words(moe::CamoXpert& model, const nn::GradientWindow& gradients);

/// Seconds, share of all, milliseconds a step and bytes kept of each part.
std::string time_table(const std::vector<debug::Profile::Part>& parts, double seconds, int64_t steps);

}  // namespace camo::program
