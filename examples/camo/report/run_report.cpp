#include "examples/camo/report/run_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/draw/route_style.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/format.h"
#include "examples/camo/report/curves.h"
#include "examples/camo/report/page.h"
#include "moe/camoxpert.h"
#include "tensor/io/file.h"

namespace camo::program {
namespace {

constexpr size_t kMostRuns = 32;  // more lines than a chart can show

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += std::isfinite(v) ? v : 0;
  return sum;
}

std::string state_words(const RunReading& run) {
  const int64_t planned = planned_epochs(run);
  if (run.metrics.epoch.empty()) return "no epoch is complete";
  const double done = run.metrics.epoch.back();
  const std::string words = value_text(done) + (done == 1 ? " epoch" : " epochs");
  if (planned == 0) return words;
  if (done >= double(planned)) return text("finished: ", words);
  return text("not finished: ", value_text(done), " of ", planned, " epochs are complete");
}

std::string when(const BestScore& best) {
  return best.epoch == 0 ? "before the first epoch" : "epoch " + value_text(best.epoch);
}

std::string best_words(const RunReading& run) {
  const BestScore best = best_score(run);
  if (best.measure.empty()) return "-";
  return text(best.measure, " ", fixed(best.score, 4), " (", when(best), ")");
}

// ---- one run ----------------------------------------------------------------------------------------------

void add_figures(Page& page, const RunReading& run) {
  std::vector<std::pair<std::string, std::string>> figures;
  const BestScore best = best_score(run);
  if (!best.measure.empty()) {
    figures.emplace_back(fixed(best.score, 4), text("best ", best.measure, ", ", when(best)));
    for (const auto& [key, name] : {std::pair("iou", "IoU"), {"dice", "Dice"}, {"mae", "MAE"}})
      if (name != best.measure && best.line && !run.metrics.of(key).empty())
        figures.emplace_back(fixed(run.metrics.of(key)[*best.line], 4), text(name, " in that epoch"));
  }
  if (!run.metrics.of("seconds").empty())
    figures.emplace_back(clock_text(sum_of(run.metrics.of("seconds"))), "of training");
  if (const double speed = run.metrics.last("images_per_second"); std::isfinite(speed))
    figures.emplace_back(fixed(speed, 1), "images a second");
  if (const double memory = run.metrics.last("memory"); std::isfinite(memory))
    figures.emplace_back(bytes_text(memory), "of memory");
  if (!figures.empty()) page.figures(figures);
}

/// The flags of the run that say where its photographs are and how they are read.
std::string reading_flags(const RunReading& run) {
  Reading usual;
  std::string out;
  const auto add = [&](const std::string& name, bool is_switch) {
    if (const std::string value = shown_value(run.config, name); !value.empty())
      out += text(" --", name, is_switch ? "" : " " + shell_quoted(value));
  };
  add("data", false);
  for (const Option& option : options(usual)) {
    JsonObject before;
    before.set(option.name, to_json_value(option));
    if (shown_value(run.config, option.name) != shown_value(before, option.name))
      add(option.name, std::holds_alternative<bool*>(option.value));
  }
  return out.find(" --data ") == out.npos && out.find(" --images ") == out.npos ? " --data DATA" + out : out;
}

void add_commands(Page& page, const RunReading& run) {
  page.section("Going on");
  const std::string folder = shell_quoted(run.folder), where = reading_flags(run);
  const int64_t planned = planned_epochs(run);
  const bool done = planned > 0 && !run.metrics.epoch.empty() && run.metrics.epoch.back() >= double(planned);
  page.commands({text("camo eval --weights ", folder, where),
                 text("camo predict --weights ", folder, " PHOTOGRAPHS --out FOUND"),
                 text("camo train --resume ", folder,
                      done ? text(" --epochs ", planned + std::max<int64_t>(1, planned / 2)) : "")});
  page.paragraph("In the folder where the run was started.", "soft");
}

void add_pictures(Page& page, const RunReading& run) {
  if (!has_picture(run.folder, "grid") && !has_picture(run.folder, "worst")) return;
  page.section("Validation pictures");
  page.begin_gallery();
  page.picture_file(run.folder, "grid", "The first ones, after the last epoch: photograph, truth, prediction");
  page.picture_file(run.folder, "worst", "The ten with the lowest IoU");
  page.end_gallery();
}

/// The names of the experts at each scale, from environment.json; as many scales as the metrics have.
std::vector<ScaleNames> scales_of(const RunReading& run) {
  std::vector<ScaleNames> out;
  const JsonValue* value = run.environment.find("experts");
  const auto* rows = value ? std::get_if<std::vector<JsonObject>>(value) : nullptr;
  while (out.size() < 16 && !run.metrics.of(text("load_", out.size(), "_0")).empty()) {
    ScaleNames scale{scale_title(out.size()), {}};
    if (rows && out.size() < rows->size()) scale.experts = split(shown_value((*rows)[out.size()], "names"), ',');
    out.push_back(std::move(scale));
  }
  return out;
}

void add_routing(Page& page, const RunReading& run) {
  const std::optional<Svg> usage = draw_usage(run.lines, scales_of(run));
  if (!usage) return;
  page.section("Routing");
  page.begin_gallery();
  page.picture(*usage, "Share of each expert in every epoch; the dashed lines are an even load");
  page.picture_file(run.folder, "groups", "Experts by groups of validation pictures");
  for (int i = 0; i < 3; ++i)
    page.picture_file(run.folder, text("responses_", i), "What each expert adds: the size of f(x) at every place");
  page.end_gallery();
}

void add_times(Page& page, const RunReading& run) {
  // The part of a part is further right; metrics.jsonl has their names alone.
  const std::map<std::string, std::string> indent = {
      {"backbone", "    "}, {"experts", "    "}, {"decoder", "    "}, {"router", "        "}};
  Page::Table table{{"part", "seconds an epoch", "share"}, {}, true};
  const double all = sum_of(run.metrics.of("seconds"));
  for (const std::string& name : run.metrics.names) {
    if (!name.starts_with("seconds_")) continue;
    const std::string part = name.substr(8);
    const std::vector<double>& column = run.metrics.of(name);
    const double seconds = sum_of(column);
    const auto epochs = double(std::count_if(column.begin(), column.end(), [](double v) { return std::isfinite(v); }));
    table.rows.push_back({(indent.contains(part) ? indent.at(part) : "") + part, fixed(seconds / epochs, 2),
                          all > 0 ? fixed(100 * seconds / all, 1) + " %" : "-"});
  }
  if (table.rows.empty()) return;
  page.section("Where the time went");
  page.table(table);
}

/// True for what a run fills in itself where nobody has set it: the number tells nothing.
bool filled_in(const RunReading& run, const std::string& key) {
  if (key == "normalisation" || key == "bf16-units") return true;
  if (key != "experts") return false;
  try {
    return shown_value(run.config, key) == std::to_string(moe::family_size(shown_value(run.config, "model")));
  } catch (const Error&) {  // an unknown model
    return false;
  }
}

/// The keys of a configuration whose values are not the defaults, and the others.
std::pair<Page::Table, Page::Table> configuration(const RunReading& run) {
  const TrainConfig usual;
  const JsonObject defaults = parse_json(to_text(usual), "defaults");
  std::pair<Page::Table, Page::Table> out{{{"key", "value", "default"}, {}}, {{"key", "value"}, {}}};
  for (const auto& [key, value] : run.config.items) {
    const std::string now = shown_value(run.config, key), before = shown_value(defaults, key);
    if (now != before && !filled_in(run, key)) out.first.rows.push_back({key, now, before});
    else out.second.rows.push_back({key, now});
  }
  return out;
}

void add_configuration(Page& page, const RunReading& run) {
  if (run.config.items.empty()) return;
  page.section("Configuration");
  const auto [changed, same] = configuration(run);
  page.table(changed);
  page.folded(text(same.rows.size(), " more are as by default, or as the run chose them"), same);
}

void add_environment(Page& page, const RunReading& run) {
  Page::Table table;
  for (const auto& [key, value] : run.environment.items)
    if (!std::holds_alternative<std::vector<JsonObject>>(value))
      table.rows.push_back({key, shown_value(run.environment, key)});
  if (table.rows.empty()) return;
  page.section("Environment");
  page.table(table);
}

void add_warnings(Page& page, const RunReading& run) {
  if (!run.problems.empty()) page.section("Files that could not be read"), page.list(run.problems);
  if (!run.keeps_warnings) return;
  page.section("Warnings");
  if (run.warnings.empty()) return page.paragraph("None.", "soft");
  page.list(run.warnings);
  if (run.all_warnings > run.warnings.size())
    page.paragraph(text("and ", run.all_warnings - run.warnings.size(), " more in warnings.txt"), "soft");
}

std::string page_of(const RunReading& run) {
  Page page(run.name + " - Camo");
  page.heading(run.name);
  page.paragraph(text(state_words(run), run.all_warnings > 0 ? text("; ", run.all_warnings, " warnings") : ""), "soft");
  add_figures(page, run);
  add_commands(page, run);
  if (const std::vector<Chart> charts = run_charts(run.metrics); !charts.empty())
    page.section("Curves"), page.charts(charts);
  add_pictures(page, run);
  add_routing(page, run);
  add_times(page, run);
  add_warnings(page, run);
  add_configuration(page, run);
  add_environment(page, run);
  return page.html();
}

// ---- several runs -----------------------------------------------------------------------------------------

/// The rows in which the runs differ.
Page::Table differences(const std::vector<RunReading>& runs, JsonObject RunReading::*object) {
  Page::Table table{{""}, {}};
  std::vector<std::string> keys;
  for (const RunReading& run : runs) {
    table.heads.push_back(run.name);
    for (const auto& [key, value] : (run.*object).items)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  for (const std::string& key : keys) {
    const auto is_list = [&](const RunReading& run) {
      const JsonValue* value = (run.*object).find(key);
      return value && (std::holds_alternative<std::vector<double>>(*value) ||
                       std::holds_alternative<std::vector<JsonObject>>(*value));
    };
    if (key == "out" || std::any_of(runs.begin(), runs.end(), is_list)) continue;  // runs differ in their folder anyway
    std::vector<std::string> row{key};
    for (const RunReading& run : runs) row.push_back(shown_value(run.*object, key));
    if (std::any_of(row.begin() + 2, row.end(), [&](const std::string& value) { return value != row[1]; }))
      table.rows.push_back(std::move(row));
  }
  return table;
}

std::string page_of(const std::vector<RunReading>& runs) {
  std::string names;
  for (const RunReading& run : runs) names += (names.empty() ? "" : ", ") + run.name;
  Page page(names + " - Camo");
  page.heading(text("Comparison of ", runs.size(), " runs"));
  Page::Table table{{"run", "in charts", "state", "best", "time", "images a second", "folder"}, {}};
  const std::vector<std::string> in_charts = line_names(runs);
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunReading& run = runs[i];
    table.rows.push_back({run.name, in_charts[i], state_words(run), best_words(run),
                          clock_text(sum_of(run.metrics.of("seconds"))),
                          fixed(run.metrics.last("images_per_second"), 1), run.folder});
  }
  page.table(table);
  page.section("What differs in their configurations");
  if (const Page::Table differ = differences(runs, &RunReading::config); !differ.rows.empty()) page.table(differ);
  else page.paragraph("Nothing.", "soft");
  page.section("Curves");
  page.charts(comparison_charts(runs, /*details=*/false));
  if (const std::vector<Chart> more = comparison_charts(runs, /*details=*/true); !more.empty())
    page.charts(more, text(more.size(), " more: terms of the loss, load of the experts, memory"));
  if (const Page::Table differ = differences(runs, &RunReading::environment); !differ.rows.empty())
    page.section("What differs in their environments"), page.table(differ);
  for (const RunReading& run : runs)
    if (!run.problems.empty()) page.section(run.name + ": files that could not be read"), page.list(run.problems);
  page.section("Validation pictures");
  page.begin_gallery();
  for (const RunReading& run : runs) page.picture_file(run.folder, "grid", run.name);
  page.end_gallery();
  return page.html();
}

}  // namespace

std::string report_html(const std::vector<std::string>& folders, const std::string& label) {
  check<ConfigError>(folders.size() <= kMostRuns, label, ": takes at most ", kMostRuns, " runs, got ", folders.size());
  std::vector<RunReading> runs;
  for (const std::string& folder : folders) runs.push_back(read_run(folder, label));
  check<ConfigError>(!runs.empty(), label, ": needs a run folder");
  std::vector<std::string> names;
  for (const RunReading& run : runs) names.push_back(run.name);
  for (RunReading& run : runs)
    if (std::count(names.begin(), names.end(), run.name) > 1) run.name = run.folder;
  return runs.size() == 1 ? page_of(runs[0]) : page_of(runs);
}

size_t write_report(const std::vector<std::string>& runs, const std::string& file, const std::string& label) {
  const std::string html = report_html(runs, label);
  write_file(file, html, false);
  return html.size();
}

}  // namespace camo::program
