#include "examples/camo/predict/calibration.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/random.h"

using namespace camo;
using namespace camo::program;

namespace {

struct Example {
  Tensor map, mask;
};

/// A map of random grey levels; a pixel is object with a chance that is a function of the level.
Example example(uint64_t seed, int64_t h, int64_t w, const std::function<double(double)>& chance) {
  Example out{empty({h, w, 1}, DType::u8), empty({h, w, 1}, DType::u8)};
  Random random(RandomKey{.seed = seed});
  for (int64_t i = 0; i < h * w; ++i) {
    const double p = std::floor(random.uniform() * 256) / 255;
    out.map.write<uint8_t>()[i] = uint8_t(std::lround(p * 255));
    out.mask.write<uint8_t>()[i] = random.uniform() < chance(p) ? 255 : 0;
  }
  return out;
}

/// Mean of a metric over the examples, by comparing every pixel with the threshold.
double naive_score(const std::vector<Example>& examples, ThresholdMetric metric, double threshold) {
  double sum = 0;
  for (const Example& e : examples) {
    double tp = 0, fp = 0, fn = 0, tn = 0;
    for (int64_t i = 0; i < e.map.numel(); ++i) {
      const bool positive = e.map.read<uint8_t>()[i] / 255.0 > threshold, truth = e.mask.read<uint8_t>()[i] > 128;
      (positive ? (truth ? tp : fp) : (truth ? fn : tn)) += 1;
    }
    const double precision = tp + fp > 0 ? tp / (tp + fp) : 0, recall = tp + fn > 0 ? tp / (tp + fn) : 0;
    switch (metric) {
      case ThresholdMetric::iou: sum += tp + fp + fn > 0 ? tp / (tp + fp + fn) : 0; break;
      case ThresholdMetric::dice: sum += tp + fp + fn > 0 ? 2 * tp / (2 * tp + fp + fn) : 0; break;
      case ThresholdMetric::f:
        sum += precision + recall > 0 ? 1.3 * precision * recall / (0.3 * precision + recall) : 0;
        break;
      case ThresholdMetric::accuracy: sum += (tp + tn) / (tp + tn + fp + fn); break;
    }
  }
  return sum / double(examples.size());
}

}  // namespace

TEST_CASE("the threshold is the best of all, by every metric") {
  std::vector<Example> examples;
  Calibrator calibrator;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    examples.push_back(example(seed, 9 + int64_t(seed), 14, [](double p) { return p * p; }));
    calibrator.add(examples.back().map, examples.back().mask);
  }
  for (ThresholdMetric metric :
       {ThresholdMetric::iou, ThresholdMetric::dice, ThresholdMetric::f, ThresholdMetric::accuracy}) {
    const Calibration found = calibrator.result(metric);
    CHECK(found.at_half == doctest::Approx(naive_score(examples, metric, 0.5)).epsilon(1e-12));
    CHECK(found.at_threshold == doctest::Approx(naive_score(examples, metric, found.threshold)).epsilon(1e-12));
    for (int k = 0; k < 255; ++k) CHECK(naive_score(examples, metric, (k + 0.5) / 255) < found.at_threshold + 1e-12);
  }
}

TEST_CASE("of equally good thresholds the one nearest to one half is taken") {
  Tensor map = full({1, 4, 1}, 0, DType::u8), mask = full({1, 4, 1}, 0, DType::u8);
  map.write<uint8_t>()[0] = 200, mask.write<uint8_t>()[0] = 255;  // any threshold under 200 / 255 is perfect
  Calibrator calibrator;
  calibrator.add(map, mask);
  CHECK(calibrator.result(ThresholdMetric::iou).threshold == doctest::Approx(0.5));
  map.write<uint8_t>()[0] = 100;
  Calibrator lower;
  lower.add(map, mask);
  CHECK(lower.result(ThresholdMetric::iou).threshold == doctest::Approx(99.5 / 255));
  CHECK(lower.result(ThresholdMetric::iou).at_half == 0);
}

TEST_CASE("the reliability curve and its error are those of the pixels; images count alike") {
  // A small image and a large one: means over images, not over pixels.
  const std::vector<Example> examples{example(1, 5, 6, [](double p) { return p; }),
                                      example(2, 60, 70, [](double p) { return p / 2; })};
  Calibrator calibrator;
  double share[15] = {}, probability[15] = {}, frequency[15] = {};
  for (const Example& e : examples) {
    calibrator.add(e.map, e.mask);
    for (int64_t i = 0; i < e.map.numel(); ++i) {
      const double p = e.map.read<uint8_t>()[i] / 255.0, weight = 0.5 / double(e.map.numel());
      const int bin = std::min(int(e.map.read<uint8_t>()[i]) * 15 / 255, 14);
      share[bin] += weight, probability[bin] += weight * p;
      frequency[bin] += e.mask.read<uint8_t>()[i] > 128 ? weight : 0;
    }
  }
  const Calibration found = calibrator.result(ThresholdMetric::iou);
  double error = 0;
  for (size_t b = 0; b < 15; ++b) {
    CHECK(found.bins[b].share == doctest::Approx(share[b]));
    CHECK(found.bins[b].probability == doctest::Approx(probability[b] / share[b]));
    CHECK(found.bins[b].frequency == doctest::Approx(frequency[b] / share[b]));
    error += std::abs(probability[b] - frequency[b]);
  }
  CHECK(found.error == doctest::Approx(error));
  CHECK(found.error > 0.1);  // half of what the second map says

  Calibrator honest;
  const Example e = example(3, 300, 300, [](double p) { return p; });
  honest.add(e.map, e.mask);
  CHECK(honest.result(ThresholdMetric::iou).error < 0.01);
}
