// Charts of the routing: use of experts over time, and experts by groups of images.
#include <algorithm>
#include <cmath>

#include "examples/camo/draw/plot.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/draw/route_style.h"
#include "moe/verify/verify.h"

namespace camo::program {

std::vector<ScaleNames> scale_names(nn::Module& network) {
  std::vector<ScaleNames> out;
  for (const moe::Moe* layer : moe::mixtures(network)) out.push_back({scale_title(out.size()), layer->experts->names});
  return out;
}

// ---- usage over time --------------------------------------------------------------------------------------

namespace {

constexpr double kPanelHeight = 190, kPanelTop = 32, kPanelBottom = 44, kPanelLeft = 44;
constexpr size_t kMostEpochs = 120;  // that a panel shows; of more, it shows means
constexpr size_t kNameLetters = 16, kMostExperts = 64;

struct History {
  std::vector<double> epoch;
  std::vector<std::vector<double>> share;  // per epoch: share of each expert; the sum is 1
};

History history(const std::vector<JsonObject>& metrics, size_t scale) {
  History out;
  for (const JsonObject& line : metrics) {
    const JsonValue *value = line.find(text("load_", scale)), *epoch = line.find("epoch");
    const auto* load = value ? std::get_if<std::vector<double>>(value) : nullptr;
    double all = 0;
    if (load)
      for (double n : *load) all += n;
    if (!(all > 0) || load->size() > kMostExperts || !std::isfinite(all) || !epoch ||
        !std::holds_alternative<int64_t>(*epoch))
      continue;
    if (!out.share.empty() && load->size() != out.share[0].size()) continue;  // of another network
    out.epoch.push_back(double(std::get<int64_t>(*epoch)));
    out.share.push_back(*load);
    for (double& n : out.share.back()) n /= all;
  }
  return out;
}

/// Means over equally long stretches, each at its last epoch.
History thinned_history(const History& h) {
  const size_t n = h.epoch.size(), kept = std::min(n, kMostEpochs);
  History out;
  for (size_t k = 0; k < kept; ++k) {
    const size_t first = k * n / kept, end = (k + 1) * n / kept;
    out.epoch.push_back(h.epoch[k == 0 ? 0 : end - 1]);
    std::vector<double>& mean = out.share.emplace_back(h.share[0].size());
    for (size_t i = first; i < end; ++i)
      for (size_t e = 0; e < mean.size(); ++e) mean[e] += h.share[i][e] / double(end - first);
  }
  return out;
}

/// Where a panel puts its bands.
struct Panel {
  double right, low, first, span;
  double x(double epoch) const { return kPanelLeft + (span > 0 ? (epoch - first) / span : 0.5) * (right - kPanelLeft); }
  double y(double share) const { return low - share * (low - kPanelTop); }
};

/// The names of the experts, beside the ends of their bands.
void draw_band_names(Svg& svg, const std::vector<std::string>& names, const std::vector<double>& last, const Panel& p) {
  std::vector<double> middle;
  double below = 0;
  for (double share : last) middle.push_back(p.y(below + share / 2)), below += share;
  const std::vector<double> places = spread(middle, 14, p.y(1) + 5, p.y(0) - 5);
  for (size_t e = 0; e < middle.size(); ++e) {
    svg.rectangle(p.right + 6, places[e] - 5, 9, 9, expert_class("expert", e));
    svg.words(p.right + 20, places[e] + 4, names[e]);
  }
}

/// Bands stacked to 100 %; pale lines show where they would be with an even load.
void draw_shares(Svg& svg, const History& h, const Panel& p) {
  const size_t n = h.epoch.size(), E = h.share[0].size();
  std::vector<double> below(n, 0.0);
  for (size_t e = 0; e < E; ++e) {
    std::string up, down;
    for (size_t k = 0; k < n; ++k) {
      const double top = below[k] + h.share[k][e];
      for (double x : n == 1 ? std::vector<double>{kPanelLeft, p.right} : std::vector<double>{p.x(h.epoch[k])}) {
        up += text(up.empty() ? "M" : "L", coordinate(x), " ", coordinate(p.y(below[k])));
        down = text("L", coordinate(x), " ", coordinate(p.y(top)), down);
      }
      below[k] = top;
    }
    svg.raw(text("<path d=\"", up, down, "Z\" ", expert_class("expert", e), "/>\n"));
  }
  for (size_t e = 1; e < E; ++e)
    svg.line(kPanelLeft, p.y(double(e) / double(E)), p.right, p.y(double(e) / double(E)), "class=\"even\"");
}

/// Columns that show the shares of their epoch.
void draw_share_values(Svg& svg, const History& h, const std::vector<std::string>& names, const Panel& p) {
  const size_t n = h.epoch.size();
  for (size_t k = 0; k < n; ++k) {
    const double from = k == 0 ? kPanelLeft : (p.x(h.epoch[k - 1]) + p.x(h.epoch[k])) / 2,
                 to = k + 1 == n ? p.right : (p.x(h.epoch[k]) + p.x(h.epoch[k + 1])) / 2;
    std::string title = text("epoch ", value_text(h.epoch[k]));
    for (size_t e = 0; e < names.size(); ++e) title += text("\n", names[e], " ", percent(h.share[k][e]));
    svg.raw(text("<g class=\"hit\"><title>", escaped(title), "</title>"));
    svg.rectangle(from, p.y(1), to - from, p.y(0) - p.y(1), "");
    svg.raw("</g>\n");
  }
}

/// A panel: how the choices of a scale are divided among its experts.
Svg draw_bands(const ScaleNames& scale, const History& h) {
  std::vector<std::string> names;
  double width = 0;
  for (size_t e = 0; e < h.share[0].size(); ++e) {
    names.push_back(e < scale.experts.size() ? shortened(scale.experts[e], kNameLetters) : text("expert ", e));
    width = std::max(width, guessed_width(names.back()) + 26);
  }
  const double height = std::max(kPanelHeight, kPanelTop + kPanelBottom + 14 * double(names.size()));
  const Panel p{.right = kPictureWidth - width,
                .low = height - kPanelBottom,
                .first = h.epoch.front(),
                .span = h.epoch.back() - h.epoch.front()};
  Svg svg(kPictureWidth, height);
  svg.words(6, 18, text("use at ", scale.title), Anchor::start, "class=\"title\"");
  draw_shares(svg, h, p);
  for (double v : {0.0, 0.5, 1.0}) svg.words(kPanelLeft - 7, p.y(v) + 4, percent(v), Anchor::end, "class=\"soft\"");
  const std::vector<double> marks = p.span > 0 ? ticks(p.first, h.epoch.back(), 6, true) : std::vector{p.first};
  for (double v : marks) svg.words(p.x(v), p.low + 16, value_text(v), Anchor::middle, "class=\"soft\"");
  svg.words((kPanelLeft + p.right) / 2, p.low + 33, "epoch", Anchor::middle, "class=\"soft\"");
  draw_band_names(svg, names, h.share.back(), p);
  draw_share_values(svg, h, names, p);
  return svg;
}

}  // namespace

std::optional<Svg> draw_usage(const std::vector<JsonObject>& metrics, const std::vector<ScaleNames>& scales) {
  std::optional<Svg> out;
  for (size_t s = 0; s < scales.size(); ++s) {
    const History h = history(metrics, s);
    if (h.epoch.empty()) continue;
    if (!out) out.emplace(kPictureWidth, 4);
    out->add_below(draw_bands(scales[s], thinned_history(h)));
  }
  return out;
}

// ---- experts by groups of images --------------------------------------------------------------------------

namespace {

/// The share of a group's choices that each expert gets: a row for each group.
Svg draw_group_table(const moe::Survey::Layer& layer, const std::vector<int64_t>& group, const std::string& title) {
  const Tensor share = moe::share_by_group(layer.share, group);
  const int64_t G = share.dim(0), E = share.dim(1);
  constexpr double kLabels = 84, kRow = 26;
  const double cell = (kPictureWidth - kLabels - 12) / double(E);
  double longest = 0;
  for (const std::string& name : layer.experts) longest = std::max(longest, guessed_width(name));
  const bool slanted = longest > cell;
  const double head = 52 + (slanted ? std::min(longest, 110.0) * 0.6 : 14);
  double most = 1e-9;
  for (double v : to_vector<double>(share)) most = std::max(most, v);
  Svg svg(kPictureWidth, head + double(G) * kRow + 18);
  const moe::PermutationTest test = moe::permutation_test(layer.share, group);
  svg.words(8, 18, title, Anchor::start, "class=\"title\"");
  svg.words(8, 33,
            text("a group tells ", fixed(test.information, 2), " nats of its experts (p ", fixed(test.p, 3), ")"),
            Anchor::start, "class=\"soft\"");
  for (int64_t e = 0; e < E; ++e) {
    const double x = kLabels + (double(e) + 0.5) * cell;
    const std::string name = shortened(layer.experts[size_t(e)], kNameLetters);
    if (!slanted) svg.words(x, head - 6, name, Anchor::middle);
    else
      svg.words(x, head - 6, name, Anchor::start,
                text("transform=\"rotate(-35 ", coordinate(x), " ", coordinate(head - 6), ")\""));
  }
  for (int64_t g = 0; g < G; ++g) {
    const double y = head + double(g) * kRow;
    const int64_t n = std::count(group.begin(), group.end(), g);
    svg.words(kLabels - 8, y + 17, text(n, n == 1 ? " image" : " images"), Anchor::end);
    for (int64_t e = 0; e < E; ++e) {
      const double v = share.read<double>()[g * E + e];
      svg.rectangle(kLabels + double(e) * cell, y, cell - 2, kRow - 2, fill(heat(v / most)));
      svg.words(kLabels + (double(e) + 0.5) * cell - 1, y + 16, E > 8 ? fixed(100 * v, 0) : percent(v), Anchor::middle,
                v / most > 0.65 ? "class=\"dark\"" : "class=\"pale\"");
    }
  }
  return svg;
}

}  // namespace

Svg draw_groups(const moe::Survey& survey) {
  check<DataError>(survey.images() > 0, "draw_groups: the survey holds no image");
  const std::vector<int64_t> group = moe::groups_of(survey.features);
  Svg out(kPictureWidth, 4);
  for (size_t i = 0; i < survey.layers.size(); ++i)
    out.add_below(draw_group_table(survey.layers[i], group, scale_title(i) + ": choices of groups of images"));
  return out;
}

}  // namespace camo::program
