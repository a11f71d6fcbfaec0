#include "examples/camo/record/tables.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "examples/camo/options/format.h"
#include "examples/camo/record/run_record.h"
#include "tensor/error.h"

namespace camo::program {
namespace {

constexpr int kBar = 8;

double total(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }

/// Text that fills `width` columns.
std::string left(std::string s, size_t width) { return s.append(width - std::min(width, s.size()), ' '); }

std::string without_spaces_at_end(std::string s) {
  s.resize(s.find_last_not_of(' ') + 1);
  return s;
}

template <class... Args> std::string print(const char* form, Args... args) {
  char out[160];
  std::snprintf(out, sizeof out, form, args...);
  return out;
}

}  // namespace

std::string expert_table(const std::vector<ScaleNames>& scales, const std::vector<std::vector<double>>& load,
                         const std::vector<std::vector<double>>& mean_share) {
  size_t rows = 0, widest = 6;
  for (const ScaleNames& scale : scales) {
    rows = std::max(rows, scale.experts.size());
    for (const std::string& name : scale.experts) widest = std::max(widest, name.size());
  }
  std::string out, line = left("expert", widest);
  for (const ScaleNames& scale : scales) line += "  " + left(scale.title + ": choices, mean", 23 + kBar);
  for (size_t e = 0; e < rows; ++e) {
    out += without_spaces_at_end(line) + "\n";
    line = left(e < scales[0].experts.size() ? scales[0].experts[e] : "", widest);
    for (size_t s = 0; s < load.size(); ++s) {
      if (e >= load[s].size()) continue;
      const double share = load[s][e] / std::max(total(load[s]), 1.0);
      const double mean = s < mean_share.size() && e < mean_share[s].size() ? mean_share[s][e] : share;
      const int full = std::min(kBar, int(std::lround(share * double(load[s].size()) / 2 * kBar)));
      line += print("  %8.0f %4.0f %% %4.0f %% ", load[s][e], 100 * share, 100 * mean) +
              left(std::string(size_t(full), '#'), kBar);
    }
  }
  return out + without_spaces_at_end(line) + "\n";
}

std::vector<std::vector<double>> mean_shares(const std::vector<JsonObject>& metrics) {
  std::vector<std::vector<double>> out;
  double lines = 0;
  for (const JsonObject& line : metrics) {
    if (!line.find("load_0")) continue;
    ++lines;
    for (size_t s = 0; line.find(text("load_", s)); ++s) {
      const auto* load = std::get_if<std::vector<double>>(line.find(text("load_", s)));
      if (!load) continue;
      if (s == out.size()) out.emplace_back(load->size(), 0.0);
      for (size_t e = 0; e < std::min(load->size(), out[s].size()); ++e)
        out[s][e] += ((*load)[e] / std::max(total(*load), 1.0) - out[s][e]) / lines;
    }
  }
  return out;
}

std::vector<std::string> expert_warnings(const std::vector<ScaleNames>& scales,
                                         const std::vector<std::vector<double>>& load, int64_t chosen) {
  std::vector<std::string> out;
  for (size_t s = 0; s < load.size(); ++s) {
    const double rows = total(load[s]) / double(chosen);
    for (size_t e = 0; e < load[s].size(); ++e) {
      const std::string who = text(scales[s].title, ", ", scales[s].experts[e]);
      if (load[s][e] == 0) out.push_back(text("warning: no photograph chose ", who));
      if (2 * chosen <= int64_t(load[s].size()) && load[s][e] > 0.8 * rows)
        out.push_back(text("warning: ", fixed(100 * load[s][e] / rows, 0), " % chose ", who));
    }
  }
  return out;
}

std::string time_table(const std::vector<debug::Profile::Part>& parts, double seconds, int64_t steps) {
  std::string out = print("%-18s %9s %7s %11s %11s\n", "part", "seconds", "share", "ms a step", "kept");
  double outermost = 0;
  for (const debug::Profile::Part& p : parts) {
    if (p.calls == 0) continue;
    if (p.depth == 0) outermost += p.seconds;
    out += left(std::string(size_t(2 * p.depth), ' ') + p.name, 18) +
           print(" %9.2f %5.1f %% %11.2f %11s\n", p.seconds, 100 * p.seconds / seconds,
                 1e3 * p.seconds / double(std::max<int64_t>(steps, 1)), bytes_text(double(p.bytes)).c_str());
  }
  const double rest = std::max(0.0, seconds - outermost);
  return out + print("%-18s %9.2f %5.1f %%\n", "everything else", rest, 100 * rest / seconds);
}

std::vector<std::string> expert_lines(const std::vector<std::vector<double>>& load, moe::CamoXpert& model,
                                      int64_t chosen, const std::string& metrics) {
  if (load.empty()) return {};
  const std::vector<ScaleNames> scales = scale_names(model);
  std::vector<std::string> out{expert_table(scales, load, mean_shares(read_metrics(metrics)))};
  for (std::string& warning : expert_warnings(scales, load, chosen)) out.push_back(std::move(warning));
  return out;
}

std::string score_words(const Scores& scores, const std::string& monitor) {
  std::string words;
  for (const ScoreInfo& score : kImageScores)
    words += text(words.empty() ? "" : "  ", score.name, " ", fixed(scores.*score.value, 4));
  if (quick_score(monitor)) return words;
  return words + text("  ", monitor, " ", fixed(scores.monitored(monitor), 4));
}

std::string unreached_words(moe::CamoXpert& model, const nn::GradientWindow& gradients) {
  const std::vector<std::string> names = nn::unreached(model, gradients);
  if (std::all_of(names.begin(), names.end(),
                  [](const std::string& name) { return name.find(".experts.") != std::string::npos; }))
    return "";
  return text("warning: no gradient has reached ", names.size(), " parameters in this epoch, first ", names[0]);
}

}  // namespace camo::program
