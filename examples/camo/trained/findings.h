// What commands have found out about networks, in small files beside the weights.
//
// A file holds a line of JSON for each way of making maps.  A finding names the weights that it was made with, by a
// checksum, because a run that goes on changes them.
#pragma once

#include "examples/camo/trained/trained_network.h"

namespace camo::program {

enum class Finding { calibration, refinement };
constexpr auto names_of(Finding) { return std::array{"calibration", "refinement"}; }

/// The bytes of weight files as checksums, which findings are kept by.  WeightsError for a file that cannot be read.
std::string checksums(const std::vector<std::string>& weights);

/// FILE.calibration.jsonl for FILE.safetensors, RUN/best.calibration.jsonl for a run; for several networks, of the first.
std::string finding_file(const std::vector<std::string>& weights, Finding finding);

/// Keeps a finding under `key`, in place of one with the same key.  The key has the checksum and the flags that the
/// finding depends on.
void write_finding(const std::string& file, const JsonObject& key, const JsonObject& finding);
/// The finding with that key.  ConfigError, with `remedy`, if there is none.
JsonObject read_finding(const std::string& file, const JsonObject& key, const std::string& remedy);

}  // namespace camo::program
