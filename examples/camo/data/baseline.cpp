#include "examples/camo/data/baseline.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr std::array<int64_t, 3> kWindows{5, 11, 21};
constexpr int kFeatures = 3 + 2 * int(kWindows.size()) + 1;  // the last feature is 1, for the bias
constexpr int kSteps = 200, kBins = 256;
using Row = std::array<double, kFeatures>;

/// Summed-area table: sum[y][x] is the sum over rows < y and columns < x.
std::vector<double> corner_sums(const std::vector<double>& v, int64_t H, int64_t W) {
  std::vector<double> sum((H + 1) * (W + 1));
  for (int64_t y = 0; y < H; ++y) {
    double row = 0;
    for (int64_t x = 0; x < W; ++x) {
      row += v[y * W + x];
      sum[(y + 1) * (W + 1) + x + 1] = sum[y * (W + 1) + x + 1] + row;
    }
  }
  return sum;
}

std::vector<Row> features(const Tensor& image) {
  auto [H, W, C] = dims<3>(image, "logistic_baseline: image (H, W, 3)");
  check<DataError>(H * W > 0 && C == 3, "logistic_baseline: image must be (H, W, 3) with a pixel, got ", image.shape());
  const uint8_t* p = image.read<uint8_t>();
  std::vector<double> grey(H * W), grey2(H * W);
  for (int64_t i = 0; i < H * W; ++i) {
    grey[i] = (0.299 * p[3 * i] + 0.587 * p[3 * i + 1] + 0.114 * p[3 * i + 2]) / 255;
    grey2[i] = grey[i] * grey[i];
  }
  const auto sum = corner_sums(grey, H, W), sum2 = corner_sums(grey2, H, W);
  std::vector<Row> out(H * W);
  for (int64_t y = 0; y < H; ++y)
    for (int64_t x = 0; x < W; ++x) {
      Row& row = out[y * W + x];
      int f = 0;
      for (; f < 3; ++f) row[f] = p[3 * (y * W + x) + f] / 255.0;
      for (int64_t window : kWindows) {
        int64_t r = window / 2, top = std::max<int64_t>(y - r, 0), bottom = std::min(y + r + 1, H);
        int64_t left = std::max<int64_t>(x - r, 0), right = std::min(x + r + 1, W);
        int64_t a = top * (W + 1), b = bottom * (W + 1);
        double n = double((bottom - top) * (right - left));
        double mean = (sum[b + right] - sum[a + right] - sum[b + left] + sum[a + left]) / n;
        double square = (sum2[b + right] - sum2[a + right] - sum2[b + left] + sum2[a + left]) / n;
        row[f++] = mean;
        row[f++] = std::sqrt(std::max(0.0, square - mean * mean));
      }
      row[f] = 1;
    }
  return out;
}

double probability(const Row& weight, const Row& x) {
  double z = 0;
  for (int f = 0; f < kFeatures; ++f) z += weight[f] * x[f];
  return 1 / (1 + std::exp(-z));
}

/// The pixels of all pictures, with features standardised by the training set's mean and deviation.
struct Pixels {
  std::vector<std::vector<Row>> rows;
  std::vector<std::vector<uint8_t>> truth;
};

Pixels gather(std::span<const SynthPair> pairs) {
  Pixels out;
  out.rows.resize(pairs.size()), out.truth.resize(pairs.size());
  parallel_for(int64_t(pairs.size()), kGrain, [&](int64_t i) {
    out.rows[i] = features(pairs[i].image);
    check<DataError>(pairs[i].mask.numel() == int64_t(out.rows[i].size()), "logistic_baseline: image ",
                     pairs[i].image.shape(), " and mask ", pairs[i].mask.shape(), " differ in size");
    const uint8_t* m = pairs[i].mask.read<uint8_t>();
    for (size_t k = 0; k < out.rows[i].size(); ++k) out.truth[i].push_back(m[k] > 128);
  });
  return out;
}

void standardise(Pixels& train, Pixels& test) {
  Row mean{}, square{};
  double count = 0;
  for (const auto& picture : train.rows)
    for (const Row& row : picture) {
      for (int f = 0; f < kFeatures; ++f) mean[f] += row[f], square[f] += row[f] * row[f];
      ++count;
    }
  for (Pixels* set : {&train, &test})
    for (auto& picture : set->rows)
      for (Row& row : picture)
        for (int f = 0; f + 1 < kFeatures; ++f) {
          double m = mean[f] / count, deviation = std::sqrt(std::max(square[f] / count - m * m, 1e-12));
          row[f] = (row[f] - m) / deviation;
        }
}

/// Gradient descent with momentum on the mean cross entropy over every seventh pixel.
Row fit(const Pixels& train) {
  Row weight{}, velocity{};
  for (int step = 0; step < kSteps; ++step) {
    std::vector<Row> part(train.rows.size());  // one per picture, added in order for any number of threads
    parallel_for(int64_t(part.size()), kGrain, [&](int64_t i) {
      part[i] = {};
      for (size_t k = 0; k < train.rows[i].size(); k += 7) {
        const Row& x = train.rows[i][k];
        double error = probability(weight, x) - train.truth[i][k];
        for (int f = 0; f < kFeatures; ++f) part[i][f] += error * x[f];
      }
    });
    double pixels = 0;
    Row gradient{};
    for (size_t i = 0; i < part.size(); ++i) {
      pixels += double((train.rows[i].size() + 6) / 7);
      for (int f = 0; f < kFeatures; ++f) gradient[f] += part[i][f];
    }
    for (int f = 0; f < kFeatures; ++f) {
      velocity[f] = 0.9 * velocity[f] - 0.5 * gradient[f] / pixels;
      weight[f] += velocity[f];
    }
  }
  return weight;
}

/// Mean IoU over the pictures at each of kBins thresholds: a pixel is predicted if its probability >= k / kBins.
std::vector<double> iou_by_threshold(const Pixels& set, const Row& weight) {
  std::vector<std::vector<double>> each(set.rows.size());
  parallel_for(int64_t(each.size()), kGrain, [&](int64_t i) {
    std::array<std::array<int64_t, kBins>, 2> count{};
    int64_t truth = 0;
    for (size_t k = 0; k < set.rows[i].size(); ++k) {
      int bin = std::min(int(probability(weight, set.rows[i][k]) * kBins), kBins - 1);
      ++count[set.truth[i][k]][bin], truth += set.truth[i][k];
    }
    each[i].resize(kBins);
    int64_t hit = 0, predicted = 0;
    for (int k = kBins - 1; k >= 0; --k) {
      hit += count[1][k], predicted += count[0][k] + count[1][k];
      int64_t either = predicted + truth - hit;
      each[i][k] = either ? double(hit) / double(either) : 0;
    }
  });
  std::vector<double> mean(kBins);
  for (const auto& picture : each)
    for (int k = 0; k < kBins; ++k) mean[k] += picture[k] / double(each.size());
  return mean;
}

}  // namespace

double logistic_baseline(std::span<const SynthPair> train, std::span<const SynthPair> test) {
  check<DataError>(!train.empty() && !test.empty(), "logistic_baseline: needs pictures to train and to test on, got ",
                   train.size(), " and ", test.size());
  Pixels seen = gather(train), held_out = gather(test);
  standardise(seen, held_out);
  const Row weight = fit(seen);
  const std::vector<double> tuned = iou_by_threshold(seen, weight);
  const auto best = std::max_element(tuned.begin(), tuned.end()) - tuned.begin();
  return iou_by_threshold(held_out, weight)[best];
}

}  // namespace camo::program
