// S-measure: does the map have the structure of the mask?
//
//   S = max(0, (S_o + S_r) / 2)
//
// S_o scores object and background as wholes: the object should be bright, the background dark, and both even.  S_r
// cuts the picture at the object's centroid into four blocks and compares map and mask in each by a simple
// structural similarity.
// All sums run over histograms of the blocks, counted in one pass.
// Source: Fan, Cheng, Liu, Li, Borji 2017, "Structure-measure: a new way to evaluate foreground maps".
//
// Where the authors' formula and PySODMetrics depend on rounding, this follows exact arithmetic.  A block without
// pixels (the centroid is in the last row or column) adds 0; theirs makes S NaN.  A block that is constant in map and
// mask has variance 0; in theirs the mean of equal numbers may be rounded and the variance is not 0.
#include <algorithm>
#include <cmath>

#include "examples/camo/metrics/metrics.h"

namespace camo::program {
namespace {

struct Moments {
  int64_t n = 0;
  double mean = 0, squares = 0;  // squares: sum of (x - mean)^2
};

/// Moments of value[v] with n[v] pixels each.  If only one value occurs, they are exact: the value itself, no spread.
Moments moments(const Histogram& n, const std::array<double, 256>& value) {
  Moments m;
  int levels = 0, last = 0;
  for (int v = 0; v < 256; ++v)
    if (n[v]) m.n += n[v], m.mean += double(n[v]) * value[v], ++levels, last = v;
  m.mean = levels == 1 ? value[last] : m.mean / double(std::max<int64_t>(m.n, 1));
  for (int v = 0; v < 256; ++v)
    if (n[v]) m.squares += double(n[v]) * (value[v] - m.mean) * (value[v] - m.mean);
  return m;
}

/// Scores how bright and even p is over some pixels.
double object_score(const Histogram& n, const std::array<double, 256>& value) {
  const Moments m = moments(n, value);
  const double deviation = m.n > 1 ? std::sqrt(m.squares / double(m.n - 1)) : 0;
  return 2 * m.mean / (m.mean * m.mean + 1 + deviation + kEps);
}

/// Structural similarity of map and mask over a block with n[0] pixels outside and n[1] inside the mask.
double block_score(const std::array<Histogram, 2>& n, const std::array<double, 256>& value) {
  Histogram all;
  int64_t inside = 0;
  for (int v = 0; v < 256; ++v) all[v] = n[0][v] + n[1][v], inside += n[1][v];
  const Moments m = moments(all, value);
  if (m.n == 0) return 0;
  const double x = m.mean, y = double(inside) / double(m.n), divisor = double(m.n) - 1 + kEps;
  double product = 0;
  for (int v = 0; v < 256; ++v)
    product += double(n[1][v]) * (value[v] - x) * (1 - y) - double(n[0][v]) * (value[v] - x) * y;
  const double squares = double(inside) * (1 - y) * (1 - y) + double(m.n - inside) * y * y;
  const double a = 4 * x * y * (product / divisor);
  const double b = (x * x + y * y) * (m.squares / divisor + squares / divisor);
  return a != 0 ? a / (b + kEps) : b == 0 ? 1 : 0;
}

double region_score(const GreyPair& pair) {
  double rows = 0, columns = 0;
  for (int64_t y = 0, i = 0; y < pair.height; ++y)
    for (int64_t x = 0; x < pair.width; ++x, ++i)
      if (pair.truth(i)) rows += double(y), columns += double(x);
  // nearbyint rounds half to even, like the reference programs.  The centroid's own row and column belong
  // to the upper left.
  const auto cy = int64_t(std::nearbyint(rows / double(pair.foreground))) + 1;
  const auto cx = int64_t(std::nearbyint(columns / double(pair.foreground))) + 1;

  std::array<std::array<Histogram, 2>, 4> count{};  // left top, right top, left bottom, right bottom
  for (int64_t y = 0, i = 0; y < pair.height; ++y)
    for (int64_t x = 0; x < pair.width; ++x, ++i) ++count[2 * (y >= cy) + (x >= cx)][pair.truth(i)][pair.map[i]];
  const double n = double(pair.pixels), h = double(pair.height), w = double(pair.width);
  double weight[4] = {double(cx * cy) / n, double(cy) * (w - double(cx)) / n, (h - double(cy)) * double(cx) / n};
  weight[3] = 1 - weight[0] - weight[1] - weight[2];
  double sum = 0;
  for (int k = 0; k < 4; ++k) sum += weight[k] * block_score(count[k], pair.value);
  return sum;
}

}  // namespace

double s_measure(const GreyPair& pair) {
  if (pair.foreground == 0) return 1 - pair.mean();
  if (pair.foreground == pair.pixels) return pair.mean();
  std::array<double, 256> rest;
  for (int v = 0; v < 256; ++v) rest[v] = 1 - pair.value[v];
  const double share = double(pair.foreground) / double(pair.pixels);
  const double object =
      share * object_score(pair.count[1], pair.value) + (1 - share) * object_score(pair.count[0], rest);
  return std::max(0.0, 0.5 * object + 0.5 * region_score(pair));
}

}  // namespace camo::program
