// What each expert says of one photograph.
#include "examples/camo/draw/route_pictures.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>

#include "autograd/ops.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/draw/plot.h"
#include "examples/camo/draw/route_style.h"
#include "moe/listener.h"
#include "tensor/image/image.h"

namespace camo::program {
namespace {

constexpr int64_t kCellColumns = 4;
constexpr double kCellGap = 9, kCellHead = 24;

/// The input and choices of one mixture, and the output of every expert.
struct LayerView {
  const moe::Moe* layer = nullptr;
  Tensor map;                   // (1, H, W, C)
  std::vector<int64_t> expert;  // (R, K)
  std::vector<double> weight;
  std::vector<Tensor> response;  // per expert: norm over channels, (1, H, W, 1)
};

std::vector<LayerView> view(nn::Module& network, const std::function<void(const Var&)>& forward, const Tensor& input) {
  NoGrad no_grad;
  struct Recorder : moe::Listener {
    using Listener::Listener;
    std::map<const moe::Moe*, LayerView> of;
    void passed(const moe::Moe& layer, const Var& x, const moe::MoeOut& out) override {
      of[&layer] = {.layer = &layer,
                    .map = x.value(),
                    .expert = to_vector<int64_t>(out.route.expert),
                    .weight = to_vector<double>(out.route.weight.value()),
                    .response = {}};
    }
  } recorder(network);
  forward(Var(input));
  std::vector<LayerView> out;
  for (const moe::Moe* layer : recorder.layers()) {
    check(recorder.of.contains(layer), "route: the forward pass does not reach ", layer->path());
    LayerView& p = out.emplace_back(std::move(recorder.of.at(layer)));
    const Var rows = layer->rows(Var(p.map));
    for (int64_t e = 0; e < layer->experts->count(); ++e) {
      Var f = layer->experts->one(e, rows);
      if (layer->routing != moe::Routing::image) f = moe::from_tiles(f, p.map.shape());
      p.response.push_back(cast(sqrt(sum(square(f), {-1}, /*keep=*/true)).value(), DType::f32).to(Device{}));
    }
  }
  return out;
}

Tensor greyed(const Tensor& picture) {
  Tensor out = empty(picture.shape(), DType::u8);
  const uint8_t* p = picture.read<uint8_t>();
  uint8_t* q = out.write<uint8_t>();
  for (int64_t i = 0; i < picture.numel(); i += 3) {
    const int grey = (p[i] * 77 + p[i + 1] * 151 + p[i + 2] * 28) / 256;
    q[i] = q[i + 1] = q[i + 2] = uint8_t(grey);
  }
  return out;
}

/// A picture with a colour for each row and column.
template <class ColourAt> Tensor painted(int64_t height, int64_t width, const ColourAt& colour_at) {
  Tensor out = empty({height, width, 3}, DType::u8);
  uint8_t* p = out.write<uint8_t>();
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x, p += 3) {
      const Colour c = colour_at(y, x);
      std::copy(c.begin(), c.end(), p);
    }
  return out;
}

/// Where the cells of a block lie: four columns, each cell with a line of words above its picture.
struct Cells {
  double width, height;
  double left(int64_t i) const { return kCellGap + double(i % kCellColumns) * (width + kCellGap); }
  double top(int64_t i) const { return double(i / kCellColumns) * (height + kCellHead); }
  /// The height of a block of n cells.
  double block(int64_t n) const { return double((n + kCellColumns - 1) / kCellColumns) * (height + kCellHead); }
};

/// Bars of the experts' weights for an image, the largest first.
void draw_bars(Svg& svg, double x, double y, const Cells& cells, const LayerView& p) {
  std::vector<size_t> order(p.expert.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p.weight[a] > p.weight[b]; });
  const double row = std::min(30.0, cells.height / double(std::max<size_t>(order.size(), 1)));
  for (size_t k : order) {
    const size_t e = size_t(p.expert[k]);
    const double share = std::isfinite(p.weight[k]) ? p.weight[k] : 0;
    svg.words(x, y + 11, shortened(p.layer->experts->names[e], 11), Anchor::start, "class=\"small\"");
    svg.words(x + cells.width, y + 11, percent(p.weight[k]), Anchor::end, "class=\"small\"");
    svg.rectangle(x, y + 15, cells.width, 7, "class=\"track\"");
    svg.rectangle(x, y + 15, cells.width * share, 7, expert_class("expert", e));
    y += row;
  }
}

/// The first choice of each tile or pixel, in the experts' colours.
Tensor choice_map(const LayerView& p) {
  const int64_t t = p.layer->tile, H = p.map.dim(1), W = p.map.dim(2), w = (W + t - 1) / t, K = p.layer->router.chosen;
  return painted(
      H, W, [&](int64_t y, int64_t x) { return expert_colour(size_t(p.expert[size_t((y / t * w + x / t) * K)])); });
}

/// An expert's weight, averaged over the rows of the picture.
double given_to(const LayerView& p, int64_t expert) {
  double sum = 0;
  for (size_t i = 0; i < p.expert.size(); ++i) sum += p.expert[i] == expert ? p.weight[i] : 0;
  return sum * double(p.layer->router.chosen) / double(p.expert.size());
}

/// A picture that the defs hold.
std::string used(const char* id, double x, double y) {
  return text("<use href=\"#", id, "\" x=\"", coordinate(x), "\" y=\"", coordinate(y), "\"/>\n");
}

/// The ends of the colour scale of all responses of a scale.  One pixel in a hundred may lie beyond each: a single peak
/// would make all else dark.
std::pair<double, double> ends_of(const LayerView& p) {
  std::vector<float> all;
  for (const Tensor& r : p.response) {
    const std::vector<float> v = to_vector<float>(r);
    std::copy_if(v.begin(), v.end(), std::back_inserter(all), [](float x) { return std::isfinite(x); });
  }
  if (all.empty()) all.push_back(0);
  std::sort(all.begin(), all.end());
  const double least = all[all.size() / 100];
  return {least, std::max<double>(all[all.size() * 99 / 100], least + 1e-9)};
}

/// The colours from the least to the largest value, with both.
void draw_colour_scale(Svg& svg, double right, double y, double least, double most) {
  constexpr int kSteps = 24;
  constexpr double kStep = 3;
  const std::string last = formatted("%.2g", most);
  svg.words(right, y, last, Anchor::end, "class=\"soft\"");
  const double bar = right - guessed_width(last) - 6 - kSteps * kStep;
  for (int i = 0; i < kSteps; ++i)
    svg.rectangle(bar + i * kStep, y - 9, kStep + 0.3, 9, fill(heat((i + 0.5) / kSteps)));
  svg.words(bar - 6, y, formatted("%.2g", least), Anchor::end, "class=\"soft\"");
}

/// The outputs of the experts of a scale, over the grey photograph.
void draw_outputs(Svg& svg, const LayerView& p, const Cells& cells, double top, double least, double most) {
  const int64_t H = p.map.dim(1), W = p.map.dim(2);
  for (int64_t e = 0; e < p.layer->experts->count(); ++e) {
    const double x = cells.left(2 + e), y = top + cells.top(2 + e), given = given_to(p, e);
    svg.words(x, y - 6, shortened(p.layer->experts->names[size_t(e)], 11), Anchor::start, "class=\"small\"");
    const float* v = p.response[size_t(e)].read<float>();
    const Tensor map =
        painted(H, W, [&](int64_t i, int64_t j) { return heat((v[i * W + j] - least) / (most - least)); });
    svg.raw(used("grey", x, y));
    svg.image(x, y, cells.width, cells.height, map_uri(map), "opacity=\".7\"");
    if (given <= 0) continue;
    svg.words(x + cells.width, y - 6, percent(given), Anchor::end, "class=\"small title\"");
    svg.rectangle(x - 1.5, y - 1.5, cells.width + 3, cells.height + 3, expert_class("frame", size_t(e)));
  }
}

}  // namespace

Svg draw_responses(nn::Module& network, const std::function<void(const Var&)>& forward, const Tensor& photograph,
                   ImageSize size, const Normalisation& normalisation) {
  const Tensor input = normalised(photograph, size, normalisation).reshape({1, size.height, size.width, 3});
  const std::vector<LayerView> scales = view(network, forward, input.to(network.state().device));
  check<ConfigError>(!scales.empty(), "route: this network has no mixture of experts");
  Cells cells{(kPictureWidth - kCellGap * (kCellColumns + 1)) / kCellColumns, 0};
  cells.height = std::clamp(cells.width * double(size.height) / double(size.width), 24.0, 4 * cells.width);
  const Tensor picture = resize_image(photograph, std::llround(2 * cells.height), std::llround(2 * cells.width));
  Svg svg(kPictureWidth, 8);
  const auto defined = [&](const char* id, const std::string& uri) {
    svg.raw(text("<defs><g id=\"", id, "\">"));
    svg.image(0, 0, cells.width, cells.height, uri);
    svg.raw("</g></defs>\n");
  };
  defined("photograph", photograph_uri(picture)), defined("grey", photograph_uri(greyed(picture)));
  for (size_t s = 0; s < scales.size(); ++s) {
    const LayerView& p = scales[s];
    const auto [least, most] = ends_of(p);
    const double head = svg.height() + 14, top = head + kCellHead;
    svg.words(kCellGap, head, text(scale_title(s), ": ", p.map.dim(1), " x ", p.map.dim(2)), Anchor::start,
              "class=\"title\"");
    draw_colour_scale(svg, kPictureWidth - kCellGap, head, least, most);
    svg.words(cells.left(0), top - 6, "photograph", Anchor::start, "class=\"small\"");
    svg.raw(used("photograph", cells.left(0), top));
    svg.words(cells.left(1), top - 6, "who is chosen", Anchor::start, "class=\"small\"");
    if (p.layer->routing == moe::Routing::image) draw_bars(svg, cells.left(1), top, cells, p);
    else {
      svg.raw(used("grey", cells.left(1), top));
      svg.image(cells.left(1), top, cells.width, cells.height, map_uri(choice_map(p)),
                "opacity=\".55\" style=\"image-rendering:pixelated\"");
    }
    draw_outputs(svg, p, cells, top, least, most);
    svg.grow_to(top + cells.block(2 + p.layer->experts->count()) - kCellHead + 14);
  }
  return svg;
}

}  // namespace camo::program
