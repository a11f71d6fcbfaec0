#include "examples/camo/predict/calibration.h"

#include <cmath>

namespace camo::program {
namespace {

double score_of(ThresholdMetric metric, const Confusion& c) {
  switch (metric) {
    case ThresholdMetric::iou: return c.iou();
    case ThresholdMetric::dice: return c.dice();
    case ThresholdMetric::f: return c.f_measure();
    case ThresholdMetric::accuracy: return double(c.tp + c.tn) / double(c.tp + c.tn + c.fp + c.fn);
  }
  return 0;
}

constexpr int kHalf = 127;  // the threshold (127 + 1/2) / 255 = 1/2

}  // namespace

void Calibrator::add(const Tensor& map, const Tensor& mask) {
  const GreyPair pair(map, mask);
  images_ += 1;
  for (int truth : {0, 1})
    for (size_t v = 0; v < 256; ++v)
      share_[size_t(truth)][v] += double(pair.count[size_t(truth)][v]) / double(pair.pixels);
  Confusion c{0, 0, pair.foreground, pair.pixels - pair.foreground};
  for (size_t k = 254; k < 255; --k) {  // each step adds the pixels of one grey level to the prediction
    const int64_t in = pair.count[1][k + 1], out = pair.count[0][k + 1];
    c.tp += in, c.fn -= in, c.fp += out, c.tn -= out;
    for (size_t m = 0; m < score_.size(); ++m) score_[m][k] += score_of(ThresholdMetric(m), c);
  }
}

Calibration Calibrator::result(ThresholdMetric metric) const {
  const double n = double(std::max<int64_t>(images_, 1));
  const auto& score = score_[size_t(metric)];
  int best = kHalf;
  for (int k = 0; k < 255; ++k) {
    const double gain = score[size_t(k)] - score[size_t(best)];
    if (gain > 0 || (gain == 0 && std::abs(k - kHalf) < std::abs(best - kHalf))) best = k;
  }
  Calibration out{.images = images_, .metric = metric};
  out.threshold = (best + 0.5) / 255;
  out.at_threshold = score[size_t(best)] / n, out.at_half = score[kHalf] / n;
  out.bins.resize(Calibration::kBins);
  for (size_t v = 0; v < 256; ++v) {
    ReliabilityBin& bin = out.bins[std::min<size_t>(v * Calibration::kBins / 255, Calibration::kBins - 1)];
    const double object = share_[1][v] / n, all = object + share_[0][v] / n;
    bin.share += all, bin.probability += all * double(v) / 255, bin.frequency += object;
  }
  for (ReliabilityBin& bin : out.bins) {
    if (bin.share == 0) continue;
    bin.probability /= bin.share, bin.frequency /= bin.share;
    out.error += bin.share * std::abs(bin.probability - bin.frequency);
  }
  return out;
}

}  // namespace camo::program
