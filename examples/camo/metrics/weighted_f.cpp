// Weighted F-measure: errors are weighted by their position.
//
//   E    |p - G|
//   E_t  E in the mask; outside, E at the nearest pixel of the mask (distance.h)
//   E_A  E_t smoothed by a 7 x 7 Gaussian of sigma 5, zeros beyond the picture
//   M    min(E, E_A) in the mask, E outside: an error among hits is forgiven
//   B    1 in the mask; outside 2 - 2^(-D / 5), D the distance to the mask: far false alarms count twice
//
// With TP = sum over G of (1 - M B) and FP = sum outside of M B, precision and recall make F1 as usual.
// Source: Margolin, Zelnik-Manor, Tal 2014, "How to evaluate foreground maps?".
#include <algorithm>
#include <cmath>
#include <vector>

#include "examples/camo/metrics/distance.h"
#include "examples/camo/metrics/metrics.h"

namespace camo::program {
namespace {

using Plane = std::vector<double>;

/// Smooths x by a normalised 7 x 7 Gaussian with sigma 5, zeros beyond the edges: first along rows, then along columns.
Plane smooth(const Plane& x, int64_t height, int64_t width) {
  constexpr int64_t kReach = 3;
  double tap[2 * kReach + 1], sum = 0;
  for (int64_t k = -kReach; k <= kReach; ++k) sum += tap[k + kReach] = std::exp(-double(k * k) / 50);
  for (double& t : tap) t /= sum;
  Plane along(x.size()), out(x.size());
  for (int64_t y = 0; y < height; ++y)
    for (int64_t k = -kReach; k <= kReach; ++k)
      for (int64_t j = std::max<int64_t>(0, -k); j < std::min(width, width - k); ++j)
        along[y * width + j] += tap[k + kReach] * x[y * width + j + k];
  for (int64_t y = 0; y < height; ++y)
    for (int64_t k = std::max(-kReach, -y); k <= std::min(kReach, height - 1 - y); ++k)
      for (int64_t j = 0; j < width; ++j) out[y * width + j] += tap[k + kReach] * along[(y + k) * width + j];
  return out;
}

}  // namespace

double weighted_f(const GreyPair& pair) {
  if (pair.foreground == 0) return 0;
  const auto [height, width, n] = std::tuple(pair.height, pair.width, pair.pixels);
  std::vector<uint8_t> inside(static_cast<size_t>(n));
  Plane error(static_cast<size_t>(n)), carried(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) inside[i] = pair.truth(i), error[i] = inside[i] ? 1 - pair.p(i) : pair.p(i);
  const Nearest near = nearest_inside(inside.data(), height, width);
  for (int64_t i = 0; i < n; ++i) carried[i] = error[near.row[i] * width + near.column[i]];
  const Plane around = smooth(carried, height, width);

  double missed = 0, false_alarm = 0;
  for (int64_t y = 0, i = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x, ++i) {
      if (inside[i]) {
        missed += std::min(error[i], around[i]);
      } else if (error[i] > 0) {
        const double dy = double(y - near.row[i]), dx = double(x - near.column[i]);
        false_alarm += error[i] * (2 - std::exp(std::log(0.5) / 5 * std::sqrt(dy * dy + dx * dx)));
      }
    }
  const double truth = double(pair.foreground), hit = truth - missed;
  const double recall = 1 - missed / truth, precision = hit / (hit + false_alarm + kEps);
  return 2 * recall * precision / (recall + precision + kEps);
}

}  // namespace camo::program
