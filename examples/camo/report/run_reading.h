// What a run folder tells, read again from its files alone: of an old run, of one that was killed, of one that goes on.
//
// Files come from anywhere: one that is missing, damaged or far too large is a sentence in `problems`, never an error.
// Read next: page.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "examples/camo/options/json.h"

namespace camo::program {

/// The numbers of metrics.jsonl, a column for each key; element i of the list KEY is the column KEY_i.
struct MetricColumns {
  std::vector<double> epoch;
  std::vector<std::string> names;  // in the order of the file
  /// As long as epoch; NaN where a line lacks the key or has null.
  std::map<std::string, std::vector<double>> columns;

  /// Empty if no line has the key.
  const std::vector<double>& of(const std::string& name) const;
  double last(const std::string& name) const;
};

/// Of lines without an epoch: ConfigError.
MetricColumns columns_of(const std::vector<JsonObject>& lines);

struct RunReading {
  std::string folder, name;  // as given, and its last part
  JsonObject config;         // empty where the file is missing
  JsonObject environment;    // likewise; start_report.h says what it holds
  MetricColumns metrics;
  JsonObject best;                    // the state in best.safetensors; empty where the file is missing or tells none
  std::vector<JsonObject> lines;      // of metrics.jsonl, evenly chosen: kMostLines at most
  std::vector<std::string> warnings;  // the first kMostWarnings
  size_t all_warnings = 0;
  bool keeps_warnings = false;  // the run has a file for them
  std::vector<std::string> problems;
};

constexpr size_t kMostLines = 1000, kMostWarnings = 100;

/// ConfigError if the folder holds neither a configuration nor metrics of a run; begins with `label`.
RunReading read_run(const std::string& folder, const std::string& label);

/// The best score of the measure that the run is judged by.
struct BestScore {
  std::string measure;           // "IoU"; "" if the run knows none
  double score = 0, epoch = 0;   // epoch 0: of the weights that the run began with
  std::optional<size_t> line{};  // its place in the columns
};
/// What the metadata of best.safetensors says; without that file, the best of metrics.jsonl.
BestScore best_score(const RunReading& run);

/// The configuration's key as JSON without quotes; "" if it has none.
std::string shown_value(const JsonObject& object, const std::string& key);
/// The configuration's number of epochs; 0 if it has none.
int64_t planned_epochs(const RunReading& run);

}  // namespace camo::program
