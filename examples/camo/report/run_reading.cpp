#include "examples/camo/report/run_reading.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string_view>

#include "examples/camo/metrics/metrics.h"
#include "examples/camo/options/files.h"
#include "examples/camo/trained/run_folder.h"
#include "tensor/io/io.h"

namespace camo::program {
namespace {

constexpr int64_t kMostBytes = 50'000'000;  // of a file that is read
constexpr size_t kMostKeys = 400;           // of metrics
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// The text of a file of the run; "" if it is missing.
std::string text_of(RunReading& run, RunFile file) {
  const std::string path = run_file(run.folder, file);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return "";
  try {
    InputFile in = InputFile::open<DataError>(path, "report");
    check<DataError>(in.size() <= kMostBytes, "report: ", path, ": has ", in.size(),
                     " bytes, which is no file of a run");
    std::string out(size_t(in.size()), '\0');
    check<DataError>(in.read(0, out.data(), in.size()), "report: ", path, ": ends early");
    return out;
  } catch (const DataError& e) {
    run.problems.push_back(e.what());
    return "";
  }
}

JsonObject object_of(RunReading& run, RunFile file) {
  const std::string words = text_of(run, file);
  if (words.empty()) return {};
  try {
    return parse_json(words, run_file(run.folder, file));
  } catch (const ConfigError& e) {
    run.problems.push_back(e.what());
    return {};
  }
}

std::vector<std::string_view> lines_of(std::string_view words) {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    const size_t end = std::min(words.find('\n'), words.size());
    if (end > 0) out.push_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return out;
}

double number_of(const JsonValue& value) {
  if (const auto* x = std::get_if<double>(&value)) return *x;
  if (const auto* n = std::get_if<int64_t>(&value)) return double(*n);
  return kNone;
}

void put(MetricColumns& to, const std::string& name, double value) {
  auto found = to.columns.find(name);
  if (found == to.columns.end()) {
    if (to.columns.size() >= kMostKeys) return;
    found = to.columns.emplace(name, std::vector<double>()).first;
    to.names.push_back(name);
  }
  found->second.resize(to.epoch.size(), kNone);
  found->second.back() = value;
}

void add_line(MetricColumns& to, const JsonObject& line) {
  const int64_t epoch = line.integer("epoch");
  check<ConfigError>(epoch >= 0, "metrics.jsonl: has an epoch ", epoch);
  to.epoch.push_back(double(epoch));
  for (const auto& [name, value] : line.items)
    if (const auto* list = std::get_if<std::vector<double>>(&value))
      for (size_t i = 0; i < list->size(); ++i) put(to, text(name, "_", i), (*list)[i]);
    else if (!std::holds_alternative<std::string>(value)) put(to, name, number_of(value));
}

void read_lines(RunReading& run) {
  const std::string words = text_of(run, RunFile::metrics);
  const std::vector<std::string_view> lines = lines_of(words);
  size_t unreadable = 0;
  const size_t every = std::max<size_t>(1, (lines.size() + kMostLines - 1) / kMostLines);
  for (size_t i = 0; i < lines.size(); ++i) {
    try {
      JsonObject line = parse_json(std::string(lines[i]), "metrics.jsonl");
      add_line(run.metrics, line);
      if (i % every == 0) run.lines.push_back(std::move(line));
    } catch (const ConfigError&) {
      ++unreadable;
    }
  }
  for (auto& [name, column] : run.metrics.columns) column.resize(run.metrics.epoch.size(), kNone);
  if (unreadable > 0)
    run.problems.push_back(text(unreadable, " of ", lines.size(), " lines of metrics.jsonl are no epochs"));
}

void read_best(RunReading& run) {
  const std::string path = run_file(run.folder, RunFile::best);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return;
  try {
    const SafeHeader header = read_tensors_header(path);
    if (const auto state = header.metadata.find("state"); state != header.metadata.end())
      run.best = parse_json(state->second, path);
  } catch (const Error& e) {
    run.problems.push_back(e.what());
  }
}

}  // namespace

MetricColumns columns_of(const std::vector<JsonObject>& lines) {
  MetricColumns out;
  for (const JsonObject& line : lines) add_line(out, line);
  for (auto& [name, column] : out.columns) column.resize(out.epoch.size(), kNone);
  return out;
}

const std::vector<double>& MetricColumns::of(const std::string& name) const {
  static const std::vector<double> none;
  const auto found = columns.find(name);
  return found == columns.end() ? none : found->second;
}

double MetricColumns::last(const std::string& name) const { return of(name).empty() ? kNone : of(name).back(); }

RunReading read_run(const std::string& folder, const std::string& label) {
  namespace fs = std::filesystem;
  std::error_code error;
  check<ConfigError>(fs::is_directory(folder, error), label, " ", folder,
                     fs::exists(folder, error) ? ": is a file, expects the folder of a run" : ": no such folder");
  check<ConfigError>(
      fs::exists(run_file(folder, RunFile::config), error) || fs::exists(run_file(folder, RunFile::metrics), error),
      label, " ", folder, ": holds no run (config.json and metrics.jsonl are missing)");
  RunReading run;
  run.folder = folder;
  const fs::path whole = fs::absolute(folder).lexically_normal();
  run.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  run.config = object_of(run, RunFile::config);
  run.environment = object_of(run, RunFile::environment);
  read_best(run);
  read_lines(run);
  run.keeps_warnings = fs::exists(run_file(folder, RunFile::warnings), error);
  const std::string warnings = text_of(run, RunFile::warnings);
  for (std::string_view line : lines_of(warnings)) {
    ++run.all_warnings;
    if (run.warnings.size() < kMostWarnings) run.warnings.emplace_back(line);
  }
  return run;
}

BestScore best_score(const RunReading& run) {
  BestScore out{shown_value(run.config, "monitor")};
  if (out.measure.empty()) out.measure = "IoU";
  std::string key = out.measure;
  if (quick_score(key))
    for (char& c : key) c = char(std::tolower(uint8_t(c)));
  const std::vector<double>& scores = run.metrics.of(key);
  const double sign = out.measure == "MAE" ? -1 : 1;
  for (size_t i = 0; i < scores.size(); ++i)
    if (std::isfinite(scores[i]) && (!out.line || sign * scores[i] > sign * out.score))
      out.score = scores[i], out.epoch = run.metrics.epoch[i], out.line = i;
  const JsonValue *score = run.best.find("best_iou"), *epoch = run.best.find("best_epoch");
  const double saved = score ? sign * number_of(*score) : kNone, saved_epoch = epoch ? number_of(*epoch) : kNone;
  if (std::isfinite(saved) && std::isfinite(saved_epoch) && (out.line || saved_epoch == 0)) {
    const std::vector<double>& epochs = run.metrics.epoch;
    const auto found = std::find(epochs.begin(), epochs.end(), saved_epoch);
    out.score = saved, out.epoch = saved_epoch;
    out.line = found == epochs.end() ? std::nullopt : std::optional(size_t(found - epochs.begin()));
  } else if (!out.line) {
    out.measure.clear();
  }
  return out;
}

std::string shown_value(const JsonObject& object, const std::string& key) {
  const JsonValue* value = object.find(key);
  if (!value) return "";
  if (const auto* words = std::get_if<std::string>(value)) return *words;
  JsonObject one;
  one.set("", *value);
  const std::string json = to_json(one);  // {"": VALUE}
  return json.substr(5, json.size() - 6);
}

int64_t planned_epochs(const RunReading& run) {
  const JsonValue* value = run.config.find("epochs");
  return value && std::holds_alternative<int64_t>(*value) ? std::clamp<int64_t>(std::get<int64_t>(*value), 0, 1'000'000)
                                                          : 0;
}

}  // namespace camo::program
