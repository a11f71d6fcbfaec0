#include "examples/camo/record/run_record.h"

#include <cmath>
#include <filesystem>
#include <sstream>

#include "examples/camo/draw/plot.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/report/curves.h"
#include "examples/camo/report/run_report.h"
#include "tensor/processes.h"

namespace camo::program {

std::vector<JsonObject> read_metrics(const std::string& path, const std::function<void(const std::string&)>& warn) {
  std::vector<JsonObject> out;
  if (!std::filesystem::exists(path)) return out;
  std::istringstream in(read_file<DataError>(path, "metrics"));
  for (std::string line; std::getline(in, line);) {
    if (in.eof() || line.empty()) continue;
    try {
      JsonObject read = parse_json(line, path);
      if (read.integer("epoch") >= 0) out.push_back(std::move(read));
    } catch (const ConfigError& e) {
      if (warn) warn(text("warning: a line of metrics is left out: ", e.what()));
    }
  }
  return out;
}

RunRecord::RunRecord(RunFolder folder, std::function<void(const std::string&)> warn, bool writes)
    : folder_(std::move(folder)), writes_(writes), events_(folder_.file(RunFile::events)), warn_(std::move(warn)) {}

/// Returns the text of the warning, or "" if the write succeeded.
std::string RunRecord::warn_when_full(const std::function<void()>& write) {
  if (!writes_) return "";
  try {
    at_work_while(write);
    return "";
  } catch (const MemoryError& e) {
    warn_(text("warning: ", e.what(), " [the file before is whole; the run goes on]"));
    return e.what();
  }
}

void RunRecord::check_disk(int64_t parameters, bool only_warn) const {
  if (!writes_) return;
  const int64_t checkpoint = parameters * int64_t(sizeof(float)) * 4;  // weights, averages and two moments
  const int64_t needed = checkpoint * 22 / 10;
  const int64_t free = int64_t(std::filesystem::space(folder_.path()).available);
  if (free >= needed) return;
  const std::string words = text(folder_.path(), ": the disk has ", bytes_text(double(free)),
                                 " free, checkpoints need ", bytes_text(double(needed)));
  check<MemoryError>(only_warn, words);  // a run that goes on has most of them already
  warn_("warning: " + words);
}

void RunRecord::write_config(const TrainConfig& config) const {
  if (writes_) write_file(folder_.file(RunFile::config), to_text(config));
}

void RunRecord::write_environment(const JsonObject& environment) {
  warn_when_full([&] { write_file(folder_.file(RunFile::environment), to_json(environment, /*one_line=*/false)); });
}

void RunRecord::write_report() {
  try {
    warn_when_full([&] { program::write_report({folder_.path()}, folder_.file(RunFile::report), "report"); });
  } catch (const Error& e) {
    warn_(text("warning: no report.html: ", e.what()));
  }
}

void RunRecord::add_epoch(const Position& p, const Scores& s, double rate, const Machine& machine,
                          const std::vector<GridRow>& grid, moe::CamoXpert& model) {
  if (!writes_) return;
  JsonObject line;
  line.items = {{"epoch", p.epoch},
                {"step", p.step},
                {"loss", p.sums.mean_loss()},
                {"grad_norm", p.sums.mean_grad_norm()},
                {"grad_norm_deviation", p.sums.grad_norm_deviation()},
                {"lr", rate},
                {"skipped", p.sums.skipped}};
  if (s.images)
    for (const ScoreInfo& score : kImageScores) line.set(score.name, s.*score.value);
  if (s.all)
    for (const MeasureInfo& m : kMeasures)
      if (!quick_score(m.name)) line.set(m.name, (*s.all).*m.value);
  for (size_t i = 0; i < p.sums.load.size(); ++i) line.set(text("load_", i), p.sums.load[i]);
  if (!p.sums.load.empty()) line.set("load_error", p.sums.load_error()), line.set("auxiliary", p.sums.mean_auxiliary());
  for (const auto& [name, value] : p.sums.mean_terms()) line.set("loss_" + name, value);
  line.set("seconds", machine.seconds), line.set("images_per_second", machine.images_per_second);
  line.set("memory", machine.memory), line.set("bytes_kept", p.sums.bytes_kept);
  for (const auto& [name, seconds] : machine.parts) line.set("seconds_" + name, seconds);
  warn_when_full([&] { add_line(line); });
  std::vector<std::vector<std::string>> experts;
  for (const ScaleNames& scale : scale_names(model)) experts.push_back(scale.experts);
  std::vector<std::vector<Tensor>> rows;
  for (const GridRow& row : grid) rows.push_back(row.pictures);
  events_.add_epoch(line, rows, model, experts);
  warn_when_full([&] { events_.flush(); });
}

void RunRecord::add_line(const JsonObject& object) const {
  append_file(folder_.file(RunFile::metrics), to_json(object) + "\n");
}

void RunRecord::go_on(const Position& position, int64_t epochs) {
  trim_metrics(position.epoch);
  events_.go_on(position.step);
  if (!writes_ || position.epoch >= epochs) return;
  std::error_code ignored;
  for (const RunFile kind : {RunFile::worst, RunFile::groups, RunFile::responses})
    for (int64_t i = 0; i < count(kind); ++i) std::filesystem::remove(folder_.file(kind, i), ignored);
}

void RunRecord::trim_metrics(int64_t epochs) const {
  if (!writes_ || !std::filesystem::exists(folder_.file(RunFile::metrics))) return;
  const std::string path = folder_.file(RunFile::metrics);
  std::string kept;
  for (const JsonObject& line : read_metrics(path, warn_))
    if (line.integer("epoch") <= epochs) kept += to_json(line) + "\n";
  write_file(path, kept);
}

bool RunRecord::save_best(const Checkpoint& checkpoint) {
  return warn_when_full([&] { save_checkpoint(folder_.file(RunFile::best), checkpoint); }).empty();
}

void RunRecord::save_last(const Checkpoint& checkpoint) {
  failed_save_ = warn_when_full([&] { save_checkpoint(folder_.file(RunFile::last), checkpoint); });
}

void RunRecord::check_last_save() const { check<MemoryError>(failed_save_.empty(), failed_save_); }

void RunRecord::draw_epoch(const std::vector<GridRow>& grid, moe::CamoXpert& model) {
  warn_when_full([&] {
    const std::vector<JsonObject> lines = read_metrics(folder_.file(RunFile::metrics));
    if (!grid.empty()) write_grid(folder_.file(RunFile::grid), grid);
    if (const std::vector<Chart> charts = run_charts(columns_of(lines)); !charts.empty())
      write_charts(folder_.file(RunFile::curves), charts);
    if (const std::optional<Svg> usage = draw_usage(lines, scale_names(model)))
      write_file(folder_.file(RunFile::usage), usage->file("share of each expert"), false);
  });
}

void RunRecord::draw_routing(const moe::Survey& survey, const std::vector<GridRow>& grid, moe::CamoXpert& model,
                             const TrainConfig& config) {
  if (!writes_ || survey.layers.empty()) return;
  const auto write = [&](const std::string& file, const Svg& picture, const char* label) {
    return warn_when_full([&] { write_file(file, picture.file(label), false); }).empty();
  };
  if (!write(folder_.file(RunFile::groups), draw_groups(survey), "share of each expert by groups of images")) return;
  const int64_t pictures = std::min(count(RunFile::responses), int64_t(grid.size()));
  for (int64_t i = 0; i < pictures; ++i, at_work())
    if (!write(folder_.file(RunFile::responses, i),
               draw_responses(model, grid[size_t(i)].pictures[0], config.size, normalisation(config)),
               "what the experts answer to a photograph"))
      return;
}

void RunRecord::draw_worst(const std::function<std::vector<GridRow>()>& rows) {
  warn_when_full([&] {
    const std::vector<GridRow> worst = rows();
    if (!worst.empty()) write_grid(folder_.file(RunFile::worst), worst);
  });
}

}  // namespace camo::program
