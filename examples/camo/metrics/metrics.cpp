#include "examples/camo/metrics/metrics.h"

#include <algorithm>
#include <numeric>

#include "tensor/parallel.h"

namespace camo::program {
namespace {

double mean_absolute_error(const GreyPair& pair) {
  double error = 0;
  for (int v = pair.low; v <= pair.high; ++v)
    error += double(pair.count[0][v]) * pair.value[v] + double(pair.count[1][v]) * (1 - pair.value[v]);
  return error / double(pair.pixels);
}

double mean_of(const Curve& c) { return std::accumulate(c.begin(), c.end(), 0.0) / double(c.size()); }
double max_of(const Curve& c) { return *std::max_element(c.begin(), c.end()); }

void add(Curve& sum, double factor, const Curve& x) {
  for (size_t t = 0; t < x.size(); ++t) sum[t] += factor * x[t];
}

}  // namespace

ImageScores score(const Tensor& prediction, const Tensor& mask) {
  const GreyPair pair(prediction, mask);
  const Confusion half = at_half(pair);
  return {mean_absolute_error(pair), half.iou(), half.dice()};
}

ImageMeasures measure(const Tensor& prediction, const Tensor& mask) {
  const GreyPair pair(prediction, mask);
  const Confusion half = at_half(pair), adaptive = at_adaptive(pair);
  ImageMeasures out;
  out.curves = curves_of(pair);
  out.s = s_measure(pair);
  out.e_mean = mean_of(out.curves.e), out.e_max = max_of(out.curves.e), out.e_adaptive = adaptive.e_measure();
  out.f_mean = mean_of(out.curves.f), out.f_max = max_of(out.curves.f), out.f_adaptive = adaptive.f_measure();
  out.f_weighted = weighted_f(pair);
  out.mae = mean_absolute_error(pair);
  out.iou = half.iou(), out.dice = half.dice(), out.precision = half.precision(), out.recall = half.recall();
  return out;
}

std::vector<ImageMeasures> measure_all(int64_t count, const std::function<MapAndMask(int64_t)>& load) {
  std::vector<ImageMeasures> out(static_cast<size_t>(count));
  parallel_for(count, kGrain, [&](int64_t i) {
    const MapAndMask x = load(i);
    out[i] = measure(x.map, x.mask);
  });
  return out;
}

Measures average(const std::vector<ImageMeasures>& images, const std::vector<int32_t>& times) {
  Measures out;
  Curve e{}, f{};
  double n = 0;
  for (size_t i = 0; i < images.size(); ++i) {
    const double k = times.empty() ? 1 : times[i];
    if (k == 0) continue;
    for (const MeasureInfo& m : kMeasures) out.*m.value += k * (images[i].*m.value);
    add(e, k, images[i].curves.e), add(f, k, images[i].curves.f);
    n += k;
  }
  check<DataError>(n > 0, "average: a set of no images has no scores");
  for (const MeasureInfo& m : kMeasures) out.*m.value /= n;
  out.e_max = max_of(e) / n, out.f_max = max_of(f) / n;
  return out;
}

Curves average_curves(const std::vector<ImageMeasures>& images) {
  Curves out;
  for (Curve Curves::*c : {&Curves::e, &Curves::f, &Curves::precision, &Curves::recall}) {
    for (const ImageMeasures& x : images) add(out.*c, 1, x.curves.*c);
    for (double& y : out.*c) y /= double(images.size());
  }
  return out;
}

}  // namespace camo::program
