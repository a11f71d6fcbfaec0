// What commands have found out about a network, in small files beside its weights.
//
// A file names the weights that it was made with, by a checksum, because a run that goes on changes them.
#pragma once

#include <string>
#include <vector>

#include "examples/camo/options/json.h"

namespace camo::program {

enum class Finding { calibration, refinement };
constexpr auto names_of(Finding) { return std::array{"calibration", "refinement"}; }

/// RUN/calibration.json for a run folder, FILE.calibration.json for FILE.safetensors.  Several networks: of the first.
std::string finding_file(const std::vector<std::string>& weights, Finding finding);

void write_finding(const std::vector<std::string>& weights, Finding finding, JsonObject about);
/// ConfigError if the file is missing or was made with other weights; says which command makes it.
JsonObject read_finding(const std::vector<std::string>& weights, Finding finding);

}  // namespace camo::program
