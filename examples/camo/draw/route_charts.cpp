// Charts of the routing: use of experts over time, and experts by groups of images.
#include "examples/camo/draw/plot.h"
#include "examples/camo/draw/route_pictures.h"
#include "examples/camo/draw/route_style.h"
#include "moe/verify/verify.h"

namespace camo::program {

std::vector<ScaleNames> scale_names(nn::Module& network) {
  std::vector<ScaleNames> out;
  for (const moe::Moe* layer : moe::mixtures(network))
    out.push_back({text("H/", 4 << out.size()), layer->experts->names});
  return out;
}

// ---- usage over time --------------------------------------------------------------------------------------

namespace {

constexpr int64_t kPanelWidth = 460, kPanelHeight = 250;

struct History {
  std::vector<double> epoch;
  std::vector<std::vector<double>> share;  // per epoch: share of each expert; the sum is 1
};

History history(const std::vector<JsonObject>& metrics, size_t scale) {
  History out;
  for (const JsonObject& line : metrics) {
    const JsonValue* value = line.find(text("load_", scale));
    const auto* load = value ? std::get_if<std::vector<double>>(value) : nullptr;
    double all = 0;
    if (load)
      for (double n : *load) all += n;
    if (!(all > 0) || !std::isfinite(all)) continue;
    if (!out.share.empty() && load->size() != out.share[0].size()) continue;  // of another network
    out.epoch.push_back(line.number("epoch"));
    out.share.push_back(*load);
    for (double& n : out.share.back()) n /= all;
  }
  return out;
}

/// Bands stacked to 100 %, one per expert; pale lines show where they would be with an even load.
void draw_bands(Canvas& canvas, int64_t left, int64_t top, const std::string& title, const History& h) {
  const int64_t x0 = left + 62, y0 = top + kPanelHeight - 52, w = kPanelWidth - 62 - 20, tall = kPanelHeight - 52 - 40;
  canvas.write(x0, top + 14, title, kInk);
  const size_t n = h.epoch.size(), E = h.share[0].size();
  const double first = h.epoch.front(), span = h.epoch.back() - first;
  for (int64_t i = 0; i < w; ++i) {
    const double at = span > 0 ? first + span * double(i) / double(w - 1) : first;
    size_t k = 0;
    while (k + 2 < n && h.epoch[k + 1] <= at) ++k;
    const double part = n > 1 ? std::clamp((at - h.epoch[k]) / (h.epoch[k + 1] - h.epoch[k]), 0.0, 1.0) : 0;
    double below = 0;
    for (size_t e = 0; e < E; ++e) {
      const double share = h.share[k][e] + (n > 1 ? (h.share[k + 1][e] - h.share[k][e]) * part : 0);
      const int64_t low = std::llround(below * double(tall)), high = std::llround((below + share) * double(tall));
      canvas.rectangle(x0 + i, y0 - high, 1, high - low, expert_colour(e));
      below += share;
    }
  }
  for (size_t e = 1; e < E; ++e) {
    const int64_t y = y0 - std::llround(double(tall) * double(e) / double(E));
    for (int64_t i = 0; i < w; i += 9) canvas.rectangle(x0 + i, y, 4, 1, {255, 255, 255});
  }
  for (double v : {0.0, 0.5, 1.0}) {
    const std::string label = percent(v);
    const int64_t y = y0 - std::llround(v * double(tall));
    canvas.line(double(x0) - 5, double(y), double(x0), double(y), kFrame);
    canvas.write(x0 - 9 - Canvas::text_width(label), y - kLetter / 2, label, kInk);
  }
  canvas.line(double(x0), double(y0), double(x0 + w), double(y0), kFrame);
  const std::vector<double> marks = span > 0 ? ticks(first, h.epoch.back(), 6, true) : std::vector<double>{first};
  for (double v : marks) {
    const int64_t x = span > 0 ? x0 + std::llround((v - first) / span * double(w)) : x0 + w / 2;
    canvas.line(double(x), double(y0), double(x), double(y0) + 5, kFrame);
    centred(canvas, x, y0 + 9, shown(v, "%.0f"));
  }
  centred(canvas, x0 + w / 2, y0 + 30, "epoch");
}

}  // namespace

Tensor draw_usage(const std::vector<JsonObject>& metrics, const std::vector<ScaleNames>& scales) {
  std::vector<std::pair<std::string, History>> panels;
  for (size_t s = 0; s < scales.size(); ++s)
    if (History h = history(metrics, s); !h.epoch.empty())
      panels.emplace_back("use at " + scales[s].title, std::move(h));
  if (panels.empty()) return {};
  const std::vector<std::string>& names = scales[0].experts;
  const int64_t columns = std::min<int64_t>(2, int64_t(panels.size())),
                rows = (int64_t(panels.size()) + columns - 1) / columns;
  const int64_t legend = int64_t(longest(names)) * 12 + 50;
  Canvas canvas(rows * kPanelHeight, columns * kPanelWidth + legend);
  for (size_t i = 0; i < panels.size(); ++i)
    draw_bands(canvas, int64_t(i) % columns * kPanelWidth, int64_t(i) / columns * kPanelHeight, panels[i].first,
               panels[i].second);
  for (size_t e = 0; e < names.size(); ++e) {  // from the top, in the order of the bands
    const int64_t x = columns * kPanelWidth + 8, y = 44 + int64_t(names.size() - 1 - e) * 26;
    canvas.rectangle(x, y - 1, 16, 16, expert_colour(e));
    canvas.write(x + 26, y, names[e], kInk);
  }
  return canvas.pixels();
}

// ---- experts by groups of images --------------------------------------------------------------------------

namespace {
std::string counted(int64_t n) { return text(n, n == 1 ? " image" : " images"); }

int64_t most_experts(const moe::Survey& survey) {
  int64_t most = 0;
  for (const moe::Survey::Layer& layer : survey.layers) most = std::max(most, layer.share.dim(1));
  return most;
}
}  // namespace

Tensor draw_groups(const moe::Survey& survey) {
  check<DataError>(survey.images() > 0, "draw_groups: the survey holds no image");
  const std::vector<int64_t> group = moe::groups_of(survey.features);
  const int64_t G = *std::max_element(group.begin(), group.end()) + 1, E = most_experts(survey);
  const int64_t cell_w = std::max<int64_t>(66, int64_t(longest(survey.layers[0].experts)) * 12 + 8), cell_h = 34,
                label = 176;
  const int64_t width = label + E * cell_w + 90, height = 78 + G * cell_h + 18;
  const int64_t columns = E > 8 || survey.layers.size() == 1 ? 1 : 2, n = int64_t(survey.layers.size());
  Canvas canvas((n + columns - 1) / columns * height, columns * width);
  for (int64_t i = 0; i < n; ++i) {
    const moe::Survey::Layer& layer = survey.layers[size_t(i)];
    const int64_t left = i % columns * width, top = i / columns * height, x0 = left + label, y0 = top + 78;
    const Tensor share = moe::share_by_group(layer.share, group);
    double most = 1e-9;
    for (double v : to_vector<double>(share)) most = std::max(most, v);
    const moe::PermutationTest test = moe::permutation_test(layer.share, group);
    canvas.write(left + kGap, top + 16,
                 text("H/", 4 << i, ": a group tells ", shown(test.information, "%.2f"), " nats of its experts (p ",
                      shown(test.p, "%.3f"), ")"),
                 kInk);
    for (int64_t e = 0; e < share.dim(1); ++e)
      centred(canvas, x0 + e * cell_w + cell_w / 2, top + 52, layer.experts[size_t(e)]);
    for (int64_t g = 0; g < G; ++g) {
      const int64_t y = y0 + g * cell_h;
      canvas.write(left + kGap, y + (cell_h - kLetter) / 2, counted(std::count(group.begin(), group.end(), g)), kInk);
      for (int64_t e = 0; e < share.dim(1); ++e) {
        const double v = share.read<double>()[g * share.dim(1) + e];
        canvas.rectangle(x0 + e * cell_w, y, cell_w - 2, cell_h - 2, heat(v / most));
        centred(canvas, x0 + e * cell_w + cell_w / 2 - 1, y + (cell_h - kLetter) / 2, percent(v),
                v / most > 0.65 ? kInk : Colour{255, 255, 255});
      }
    }
    colour_scale(canvas, x0 + E * cell_w + 8, y0, G * cell_h - 2, "0%", percent(most));
  }
  return canvas.pixels();
}

}  // namespace camo::program
