#include "examples/camo/report/curves.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "examples/camo/draw/route_style.h"

namespace camo::program {
namespace {

constexpr size_t kMostKeysTogether = 16, kLettersOfName = 16;

/// Keys that share a chart; one that ends in _ stands for all keys that begin with it.
struct CurveGroup {
  const char* title;
  std::vector<std::string> keys;
  int first;        // so many of the keys are what one compares first
  double unit = 1;  // values are divided by it
};

const std::vector<CurveGroup>& curve_groups() {
  static const std::vector<CurveGroup> groups = {
      {"loss", {"loss"}, 1},
      {"terms of the loss", {"loss_"}, 0},
      {"IoU, Dice", {"iou", "dice"}, 2},
      {"mean absolute error", {"mae"}, 1},
      {"S and E", {"S", "E_mean", "E_max", "E_adaptive"}, 2},
      {"F", {"F_weighted", "F_mean", "F_max", "F_adaptive"}, 2},
      {"precision, recall", {"precision", "recall"}, 2},
      {"learning rate", {"lr"}, 1},
      {"gradient norm", {"grad_norm", "grad_norm_deviation"}, 1},
      {"steps skipped", {"skipped"}, 0},
      {"unevenness of the load (0: all experts get as much)", {"load_error_"}, 0},
      {"auxiliary loss of the routers (1: even)", {"auxiliary_"}, 0},
      {"images a second", {"images_per_second"}, 1},
      {"minutes an epoch", {"seconds"}, 1, 60},
      {"memory, GB", {"memory", "bytes_kept"}, 1, 1e9},
  };
  return groups;
}

/// The keys of a group that there are.
std::vector<std::string> keys_of(const CurveGroup& group, const MetricColumns& metrics) {
  std::vector<std::string> out;
  for (const std::string& key : group.keys)
    for (const std::string& name : metrics.names)
      if (key.ends_with("_") ? name.starts_with(key) : name == key)
        if (out.size() < kMostKeysTogether) out.push_back(name);
  return out;
}

/// What a key is called beside its line.
std::string name_of_key(const std::string& key) {
  for (const std::string prefix : {"load_error_", "auxiliary_"})
    if (key.starts_with(prefix)) return scale_title(size_t(std::strtoul(key.c_str() + prefix.size(), nullptr, 10)));
  const std::pair<const char*, const char*> names[] = {{"iou", "IoU"},        {"dice", "Dice"},
                                                       {"grad_norm", "mean"}, {"grad_norm_deviation", "deviation"},
                                                       {"memory", "in use"},  {"bytes_kept", "kept by a pass"}};
  for (const auto& [from, to] : names)
    if (key == from) return to;
  return key.starts_with("loss_") ? key.substr(5) : key;
}

Series curve(const MetricColumns& metrics, const std::string& key, double unit, const std::string& name) {
  Series out{name, metrics.epoch, metrics.of(key)};
  for (double& y : out.y) y /= unit;
  return out;
}

/// At most `most` letters of UTF-8, the last ones; the first is an ellipsis if there were more.
std::string shortened_left(const std::string& words, size_t most) {
  std::vector<size_t> letters;  // where they begin
  for (size_t i = 0; i < words.size(); ++i)
    if ((uint8_t(words[i]) & 0xc0) != 0x80) letters.push_back(i);
  if (letters.size() <= most) return words;
  return "\xe2\x80\xa6" + words.substr(letters[letters.size() - (most - 1)]);
}

bool shows(const Series& s, const std::string& title) {
  return std::any_of(s.y.begin(), s.y.end(),
                     [&](double y) { return std::isfinite(y) && (title != "steps skipped" || y != 0); });
}

}  // namespace

std::vector<Chart> run_charts(const MetricColumns& metrics) {
  std::vector<Chart> out;
  for (const CurveGroup& group : curve_groups()) {
    Chart chart{group.title};
    const std::vector<std::string> keys = keys_of(group, metrics);
    for (const std::string& key : keys)
      chart.series.push_back(curve(metrics, key, group.unit, keys.size() > 1 ? name_of_key(key) : ""));
    std::erase_if(chart.series, [&](const Series& s) { return !shows(s, chart.title); });
    if (!chart.series.empty()) out.push_back(std::move(chart));
  }
  return out;
}

std::vector<std::string> line_names(const std::vector<RunReading>& runs) {
  constexpr size_t kColours = 6;
  std::vector<std::string> out;
  size_t longest = 0, common = runs.empty() ? 0 : runs[0].name.size();
  for (const RunReading& run : runs) {
    longest = std::max(longest, run.name.size());
    while (common > 0 && run.name.compare(0, common, runs[0].name, 0, common) != 0) --common;
  }
  while (common > 0 && std::isalnum(uint8_t(runs[0].name[common - 1]))) --common;  // back to the beginning of a word
  for (size_t i = 0; i < runs.size(); ++i) {
    const std::string number = runs.size() > kColours ? text(i + 1, " ") : "";
    const size_t room = kLettersOfName - number.size();
    const std::string& name = runs[i].name;
    out.push_back(number + shortened_left(longest > room && common < name.size() ? name.substr(common) : name, room));
  }
  return out;
}

std::vector<Chart> comparison_charts(const std::vector<RunReading>& runs, bool details) {
  const std::vector<std::string> run_names = line_names(runs);
  std::vector<Chart> out;
  for (const CurveGroup& group : curve_groups()) {
    std::vector<std::string> keys;
    for (const RunReading& run : runs)
      for (const std::string& key : keys_of(group, run.metrics))
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    for (const std::string& key : keys) {
      const bool first =
          std::find(group.keys.begin(), group.keys.begin() + group.first, key) != group.keys.begin() + group.first;
      if (first == details) continue;
      const std::string title = group.title, name = name_of_key(key);
      Chart chart{keys.size() == 1 ? title : title.find(name) != std::string::npos ? name : text(title, ": ", name)};
      for (size_t i = 0; i < runs.size(); ++i)  // a run without the key keeps its colour
        chart.series.push_back(curve(runs[i].metrics, key, group.unit, run_names[i]));
      if (std::any_of(chart.series.begin(), chart.series.end(), [&](const Series& s) { return shows(s, chart.title); }))
        out.push_back(std::move(chart));
    }
  }
  return out;
}

}  // namespace camo::program
