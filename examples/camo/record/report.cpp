#include "examples/camo/record/report.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "examples/camo/options/format.h"
#include "tensor/parallel.h"

namespace camo::program {

SetScores score_set(const std::vector<ImageMeasures>& images) {
  SetScores out{int64_t(images.size()), average(images), {}};
  std::vector<Measures> resampled(kResamples);
  parallel_for(kResamples, kGrain, [&](int64_t r) { resampled[r] = average(images, draw_images(out.images, r)); });
  std::vector<double> figures(kResamples);
  for (size_t m = 0; m < std::size(kMeasures); ++m) {
    std::transform(resampled.begin(), resampled.end(), figures.begin(),
                   [&](const Measures& x) { return x.*kMeasures[m].value; });
    out.spread[m] = middle(figures);
  }
  return out;
}

void print(const SetScores& scores) {
  std::printf("%lld images, with 95 %% intervals over images (%lld resamples)\n", (long long)scores.images,
              (long long)kResamples);
  for (size_t m = 0; m < std::size(kMeasures); ++m)
    std::printf("  %-*s  %.4f   %.4f to %.4f\n", kMeasureWidth, kMeasures[m].name, scores.mean.*kMeasures[m].value,
                scores.spread[m].low, scores.spread[m].high);
}

JsonObject to_json_object(const SetScores& scores, const std::string& what, const std::string& data) {
  JsonObject out;
  out.items = {{"what", what}, {"data", data}};
  for (const MeasureInfo& m : kMeasures) out.set(m.name, scores.mean.*m.value);
  out.set("images", scores.images);
  for (size_t m = 0; m < std::size(kMeasures); ++m)
    out.set(text(kMeasures[m].name, "_interval"), std::vector{scores.spread[m].low, scores.spread[m].high});
  return out;
}

void write_curves(const std::string& path, const std::vector<ImageMeasures>& images) {
  const Curves c = average_curves(images);
  std::vector<double> thresholds(256);
  std::iota(thresholds.begin(), thresholds.end(), 0.0);
  auto list = [](const Curve& x) { return std::vector(x.begin(), x.end()); };
  write_charts(path, {{"precision over recall", {{"", list(c.recall), list(c.precision)}}, "recall", {{0, 1}}},
                      {"over the threshold",
                       {{"E", thresholds, list(c.e)},
                        {"F", thresholds, list(c.f)},
                        {"P", thresholds, list(c.precision)},
                        {"R", thresholds, list(c.recall)}},
                       "threshold",
                       {{0, 1}}}});
}

std::vector<int64_t> worst(const std::vector<ImageMeasures>& images, int64_t most) {
  std::vector<int64_t> order(images.size());
  std::iota(order.begin(), order.end(), int64_t(0));
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::pair(images[a].iou, images[a].s) < std::pair(images[b].iou, images[b].s);
  });
  order.resize(std::min(order.size(), size_t(most)));
  return order;
}

namespace {
/// With pictures no larger than a grid shows them: ten photographs of a camera are much memory.
GridRow small_row(const std::string& name, std::string words, const std::vector<Tensor>& pictures) {
  GridRow out{{}, name, std::move(words)};
  for (const Tensor& picture : pictures) out.pictures.push_back(small_picture(picture));
  return out;
}
}  // namespace

GridRow captioned(const std::string& name, const Measures& m, const std::vector<Tensor>& pictures) {
  std::string words;
  for (const char* shown : {"IoU", "S", "F_weighted", "MAE"})
    for (const MeasureInfo& info : kMeasures)
      if (std::string(info.name) == shown)
        words += text(words.empty() ? "" : "   ", shown, " ", fixed(m.*info.value, 3));
  return small_row(name, words, pictures);
}

std::string caption(const ImageScores& s) {
  return text("IoU ", fixed(s.iou, 3), "   Dice ", fixed(s.dice, 3), "   MAE ", fixed(s.mae, 3));
}

std::vector<GridRow> worst_rows(Predictor& predictor, const Dataset& data, const Scores& scores, int64_t most) {
  std::vector<const ImageOutcome*> order;
  for (const ImageOutcome& image : scores.each) order.push_back(&image);
  std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->scores.iou < b->scores.iou; });
  order.resize(std::min(order.size(), size_t(most)));
  std::vector<GridRow> out;
  for (const ImageOutcome* image : order) {
    const Picture p = data.load(image->index);
    const std::string name = data.name(image->index);
    const Tensor map = predictor.map(name, p.image, {p.mask.dim(0), p.mask.dim(1)});
    out.push_back(small_row(name, caption(image->scores), {p.image, p.mask, map}));
  }
  return out;
}

}  // namespace camo::program
