// Pictures of one photograph: the chosen experts and the output of each expert.
#include "examples/camo/draw/route_pictures.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>

#include "autograd/ops.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/draw/route_style.h"
#include "moe/listener.h"
#include "tensor/image/image.h"

namespace camo::program {
namespace {

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

/// The picture with a colour over each pixel.
template <class ColourAt> Tensor tinted(const Tensor& grey, double opacity, const ColourAt& colour_at) {
  Tensor out = grey.clone();
  uint8_t* p = out.write<uint8_t>();
  for (int64_t y = 0; y < grey.dim(0); ++y)
    for (int64_t x = 0; x < grey.dim(1); ++x, p += 3) {
      const Colour c = colour_at(y, x);
      const uint8_t ink[3] = {c.r, c.g, c.b};
      for (int k = 0; k < 3; ++k) p[k] = uint8_t(std::lround(p[k] + (ink[k] - p[k]) * opacity));
    }
  return out;
}

/// Bars of the experts' weights for an image, the largest first.
void draw_bars(Canvas& canvas, int64_t x, int64_t y, int64_t width, const LayerView& p) {
  std::vector<size_t> order(p.expert.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p.weight[a] > p.weight[b]; });
  for (size_t k : order) {
    const size_t e = size_t(p.expert[k]);
    canvas.write(x, y, p.layer->experts->names[e], kInk);
    const std::string value = percent(p.weight[k]);
    canvas.write(x + width - Canvas::text_width(value), y, value, kInk);
    canvas.rectangle(x, y + 19, width, 12, kPale);
    if (std::isfinite(p.weight[k]))
      canvas.rectangle(x, y + 19, std::llround(double(width) * p.weight[k]), 12, expert_colour(e));
    y += 44;
  }
}

/// The first choice of each tile or pixel, in the experts' colours.
Tensor choice_map(const LayerView& p, const Tensor& grey) {
  const int64_t t = p.layer->tile, H = p.map.dim(1), W = p.map.dim(2), w = (W + t - 1) / t, K = p.layer->router.chosen;
  return tinted(grey, 0.55, [&](int64_t y, int64_t x) {
    const int64_t row = y * H / grey.dim(0) / t * w + x * W / grey.dim(1) / t;
    return expert_colour(size_t(p.expert[size_t(row * K)]));
  });
}

/// An expert's weight, averaged over the rows of the picture.
double given_to(const LayerView& p, int64_t expert) {
  double sum = 0;
  for (size_t i = 0; i < p.expert.size(); ++i) sum += p.expert[i] == expert ? p.weight[i] : 0;
  return sum * double(p.layer->router.chosen) / double(p.expert.size());
}

}  // namespace

Tensor draw_responses(nn::Module& network, const std::function<void(const Var&)>& forward, const Tensor& photograph,
                      ImageSize size, const Normalisation& normalisation) {
  const Tensor input = normalised(photograph, size, normalisation).reshape({1, size.height, size.width, 3});
  const std::vector<LayerView> scales = view(network, forward, input.to(network.state().device));
  check<ConfigError>(!scales.empty(), "route: this network has no mixture of experts");
  int64_t E = 0;
  for (const LayerView& p : scales) E = std::max(E, p.layer->experts->count());
  const int64_t cell_w = std::max<int64_t>(160, int64_t(longest(scales[0].layer->experts->names)) * 12 + 56);
  const int64_t cell_h = std::max<int64_t>(24, cell_w * size.height / size.width), row_h = cell_h + 30 + kGap;
  const Tensor picture = resize_image(photograph, cell_h, cell_w), grey = greyed(picture);
  Canvas canvas(40 + int64_t(scales.size()) * row_h, kGap + (E + 2) * (cell_w + kGap) + 70);
  auto column = [&](int64_t c) { return kGap + c * (cell_w + kGap); };
  canvas.write(column(0), 12, "photograph", kInk);
  canvas.write(column(1), 12, "who is chosen", kInk);
  canvas.write(column(2), 12, "what each expert adds: size of f(x) at every place", kInk);
  canvas.place(column(0), 40 + 30, picture);

  for (size_t s = 0; s < scales.size(); ++s) {
    const LayerView& p = scales[s];
    const int64_t top = 40 + int64_t(s) * row_h, y = top + 30, H = p.map.dim(1), W = p.map.dim(2);
    canvas.write(column(1), top + 8, text("H/", 4 << s, ": ", H, " x ", W), kInk);
    if (p.layer->routing == moe::Routing::image) draw_bars(canvas, column(1), y + 6, cell_w, p);
    else canvas.place(column(1), y, choice_map(p, grey));
    std::vector<float> all;
    for (const Tensor& r : p.response) {
      const std::vector<float> v = to_vector<float>(r);
      std::copy_if(v.begin(), v.end(), std::back_inserter(all), [](float x) { return std::isfinite(x); });
    }
    if (all.empty()) all.push_back(0);
    // One pixel in a hundred may be saturated; a single peak would make the rest of the row dark.
    std::sort(all.begin(), all.end());
    const double least = all[all.size() / 100], most = std::max<double>(all[all.size() * 99 / 100], least + 1e-9);
    for (int64_t e = 0; e < p.layer->experts->count(); ++e) {
      const int64_t x = column(2 + e);
      const double given = given_to(p, e);
      canvas.write(x, top + 8, p.layer->experts->names[size_t(e)], kInk);
      if (given > 0) {
        const std::string share = percent(given);
        canvas.write(x + cell_w - Canvas::text_width(share), top + 8, share, expert_colour(size_t(e)));
        canvas.rectangle(x - 4, y - 4, cell_w + 8, cell_h + 8, expert_colour(size_t(e)));
      }
      const Tensor large = resize_bilinear(p.response[size_t(e)], cell_h, cell_w);
      const float* v = large.read<float>();
      canvas.place(x, y, tinted(grey, 0.7, [&](int64_t i, int64_t j) {
                     return heat((v[i * cell_w + j] - least) / (most - least));
                   }));
    }
    colour_scale(canvas, column(2 + E), y, cell_h, shown(least, "%.2g"), shown(most, "%.2g"));
  }
  return canvas.pixels();
}

}  // namespace camo::program
