#include "examples/camo/serve/routing.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/ops.h"
#include "moe/listener.h"

namespace camo::program {

/// The input of a mixture for one image, and the choices of its rows.
struct SeenMixture {
  Tensor map;                   // (1, H, W, C)
  std::vector<int64_t> expert;  // (R, K)
  std::vector<double> weight;
};

namespace {

std::vector<float> answer_norms(const moe::Moe& layer, int64_t expert, const Tensor& map) {
  Var f = layer.experts->one(expert, layer.rows(Var(map)));
  if (layer.routing != moe::Routing::image) f = moe::from_tiles(f, map.shape());
  return to_vector<float>(cast(sqrt(sum(square(f), {-1}, /*keep=*/true)).value(), DType::f32).to(Device{}));
}

Tensor as_grey(const std::vector<float>& norms, int64_t height, int64_t width, double least, double most) {
  Tensor out = empty({height, width, 1}, DType::u8);
  std::transform(norms.begin(), norms.end(), out.write<uint8_t>(), [&](float v) {
    return std::isfinite(v) ? uint8_t(std::lround(255 * std::clamp((v - least) / (most - least), 0.0, 1.0)))
                            : uint8_t(0);
  });
  return out;
}

RoutedScale described(const moe::Moe& layer, const SeenMixture& seen) {
  RoutedScale out;
  out.routing = name_of(layer.routing);
  const double rows = double(seen.expert.size()) / double(layer.router.chosen);
  std::map<int64_t, double> given;
  for (size_t i = 0; i < seen.expert.size(); ++i) given[seen.expert[i]] += seen.weight[i] / rows;
  std::vector<std::vector<float>> norms;
  std::vector<float> all;
  for (const auto& [expert, weight] : given) {
    out.chosen.push_back({layer.experts->names[size_t(expert)], weight, {}});
    norms.push_back(answer_norms(layer, expert, seen.map));
    std::copy_if(norms.back().begin(), norms.back().end(), std::back_inserter(all),
                 [](float x) { return std::isfinite(x); });
  }
  if (all.empty()) all.push_back(0);
  std::sort(all.begin(), all.end());  // one pixel in a hundred may be saturated
  out.least = all[all.size() / 100], out.most = std::max<double>(all[all.size() * 99 / 100], out.least + 1e-9);
  for (size_t i = 0; i < norms.size(); ++i)
    out.chosen[i].answer = as_grey(norms[i], seen.map.dim(1), seen.map.dim(2), out.least, out.most);
  std::stable_sort(out.chosen.begin(), out.chosen.end(),
                   [](const auto& a, const auto& b) { return a.weight > b.weight; });
  return out;
}

}  // namespace

struct RouteRecorder::Recorder : moe::Listener {
  using Listener::Listener;
  bool on = false;
  std::map<const moe::Moe*, SeenMixture> seen = {};

  void passed(const moe::Moe& layer, const Var& x, const moe::MoeOut& out) override {
    if (!on || seen.contains(&layer)) return;
    const int64_t rows = out.route.expert.dim(0) / x.value().dim(0);
    seen[&layer] = {x.value().slice(0, 1), to_vector<int64_t>(out.route.expert.slice(0, rows)),
                    to_vector<double>(out.route.weight.value().slice(0, rows))};
  }
};

RouteRecorder::RouteRecorder(const std::vector<TrainedNetwork>& networks) {
  for (const TrainedNetwork& n : networks) recorders_.push_back(std::make_unique<Recorder>(*n.model));
}
RouteRecorder::~RouteRecorder() = default;

void RouteRecorder::begin() {
  for (auto& recorder : recorders_) recorder->on = true, recorder->seen.clear();
}

std::vector<RoutedScale> RouteRecorder::end() {
  NoGrad no_grad;
  std::vector<RoutedScale> out;
  for (size_t n = 0; n < recorders_.size(); ++n) {
    Recorder& recorder = *recorders_[n];
    recorder.on = false;
    for (size_t scale = 0; scale < recorder.layers().size(); ++scale) {
      const moe::Moe* layer = recorder.layers()[scale];
      if (!recorder.seen.contains(layer)) continue;
      out.push_back(described(*layer, recorder.seen.at(layer)));
      out.back().network = int64_t(n), out.back().title = text("H/", 4 << scale);
    }
    recorder.seen.clear();
  }
  return out;
}

}  // namespace camo::program
