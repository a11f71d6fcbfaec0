// The measures of examples/camo/metrics/metrics.h as defined in the papers: plain loops in f64 over pixels and
// thresholds, and over every pair of pixels for distances, without histograms or shortcuts.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "examples/camo/metrics/metrics.h"

namespace camo::test {

struct PlainMeasures {
  int64_t H, W, n;
  std::vector<double> p;  // the stretched map
  std::vector<bool> g;
  double truth = 0;
  static constexpr double eps = 0x1p-52;

  PlainMeasures(const Tensor& map, const Tensor& mask) : H(map.dim(0)), W(map.dim(1)), n(H * W) {
    p = to_vector<double>(map);
    for (double& v : p) v /= 255;
    const double low = *std::min_element(p.begin(), p.end()), high = *std::max_element(p.begin(), p.end());
    for (double& v : p)
      if (high > low) v = (v - low) / (high - low);
    for (double v : to_vector<double>(mask)) g.push_back(v > 128), truth += v > 128;
  }

  double mean() const {
    double sum = 0;
    for (double v : p) sum += v;
    return sum / double(n);
  }
  double mae() const {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::abs(p[i] - g[i]);
    return sum / double(n);
  }

  std::vector<bool> at_least(double threshold) const {
    std::vector<bool> b;
    for (double v : p) b.push_back(v >= threshold);
    return b;
  }
  std::vector<bool> level(int t) const {
    std::vector<bool> b;
    for (double v : p) b.push_back(std::floor(v * 255) >= t);
    return b;
  }
  std::vector<bool> half() const {
    std::vector<bool> b;
    for (double v : p) b.push_back(v > 0.5);
    return b;
  }
  std::vector<bool> adaptive() const { return at_least(std::min(1.0, 2 * mean())); }

  static double share(double a, double b) { return b == 0 ? 0 : a / b; }
  double hits(const std::vector<bool>& b) const {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += b[i] && g[i];
    return sum;
  }
  static double size(const std::vector<bool>& b) { return double(std::count(b.begin(), b.end(), true)); }
  double precision(const std::vector<bool>& b) const { return share(hits(b), size(b)); }
  double recall(const std::vector<bool>& b) const { return share(hits(b), truth); }
  double iou(const std::vector<bool>& b) const { return share(hits(b), size(b) + truth - hits(b)); }
  double dice(const std::vector<bool>& b) const { return share(2 * hits(b), size(b) + truth); }
  double f(const std::vector<bool>& b) const {
    return share(1.3 * precision(b) * recall(b), 0.3 * precision(b) + recall(b));
  }
  double e(const std::vector<bool>& b) const {
    const double mean_b = size(b) / double(n), mean_g = truth / double(n);
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double u = b[i] - mean_b, v = g[i] - mean_g, aligned = 2 * u * v / (u * u + v * v + eps);
      sum += truth == 0 ? !b[i] : truth == double(n) ? b[i] : (aligned + 1) * (aligned + 1) / 4;
    }
    return sum / (double(n) - 1 + eps);
  }

  double object(bool side) const {
    double sum = 0, count = 0, squares = 0;
    auto value = [&](int64_t i) { return side ? p[i] : 1 - p[i]; };
    for (int64_t i = 0; i < n; ++i)
      if (g[i] == side) sum += value(i), ++count;
    const double m = sum / count;
    for (int64_t i = 0; i < n; ++i)
      if (g[i] == side) squares += (value(i) - m) * (value(i) - m);
    return 2 * m / (m * m + 1 + (count > 1 ? std::sqrt(squares / (count - 1)) : 0) + eps);
  }
  double block(int64_t top, int64_t bottom, int64_t left, int64_t right) const {
    double N = double((bottom - top) * (right - left)), x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    if (N == 0) return 0;
    bool even = true;  // a constant block: its mean is exactly that value
    auto each = [&](auto f) {
      for (int64_t r = top; r < bottom; ++r)
        for (int64_t c = left; c < right; ++c) f(p[r * W + c], double(g[r * W + c]));
    };
    each([&](double a, double b) { x += a / N, y += b, even = even && a == p[top * W + left]; });
    if (even) x = p[top * W + left];
    y /= N;
    each([&](double a, double b) {
      xx += (a - x) * (a - x) / (N - 1 + eps), yy += (b - y) * (b - y) / (N - 1 + eps);
      xy += (a - x) * (b - y) / (N - 1 + eps);
    });
    const double a = 4 * x * y * xy, b = (x * x + y * y) * (xx + yy);
    return a != 0 ? a / (b + eps) : b == 0 ? 1 : 0;
  }
  double s() const {
    if (truth == 0) return 1 - mean();
    if (truth == double(n)) return mean();
    double row = 0, column = 0;
    for (int64_t i = 0; i < n; ++i)
      if (g[i]) row += double(i / W), column += double(i % W);
    const auto cy = int64_t(std::nearbyint(row / truth)) + 1, cx = int64_t(std::nearbyint(column / truth)) + 1;
    const double region =
        (double(cy * cx) * block(0, cy, 0, cx) + double(cy * (W - cx)) * block(0, cy, cx, W) +
         double((H - cy) * cx) * block(cy, H, 0, cx) + double((H - cy) * (W - cx)) * block(cy, H, cx, W)) /
        double(n);
    const double o = truth / double(n) * object(true) + (1 - truth / double(n)) * object(false);
    return std::max(0.0, (o + region) / 2);
  }

  /// The nearest pixel of the mask; of several, the one in the smallest column, then the smallest row.
  int64_t nearest(int64_t i) const {
    int64_t best = -1, best_square = 0;
    for (int64_t c = 0; c < W; ++c)
      for (int64_t r = 0; r < H; ++r) {
        const int64_t square = (r - i / W) * (r - i / W) + (c - i % W) * (c - i % W);
        if (g[r * W + c] && (best < 0 || square < best_square)) best = r * W + c, best_square = square;
      }
    return best;
  }
  double weighted_f() const {
    if (truth == 0) return 0;
    std::vector<double> error(n), carried(n), distance(n);
    for (int64_t i = 0; i < n; ++i) error[i] = std::abs(p[i] - g[i]);
    for (int64_t i = 0; i < n; ++i) {
      const int64_t k = nearest(i);
      carried[i] = error[k], distance[i] = std::hypot(double(k / W - i / W), double(k % W - i % W));
    }
    double norm = 0, missed = 0, wrong = 0;
    for (int a = -3; a <= 3; ++a)
      for (int b = -3; b <= 3; ++b) norm += std::exp(-(a * a + b * b) / 50.0);
    for (int64_t i = 0; i < n; ++i) {
      double around = 0;
      for (int64_t a = -3; a <= 3; ++a)
        for (int64_t b = -3; b <= 3; ++b) {
          const int64_t r = i / W + a, c = i % W + b;
          if (r >= 0 && r < H && c >= 0 && c < W)
            around += std::exp(-double(a * a + b * b) / 50.0) / norm * carried[r * W + c];
        }
      if (g[i]) missed += std::min(error[i], around);
      else wrong += error[i] * (2 - std::pow(0.5, distance[i] / 5));
    }
    const double recall = 1 - missed / truth, precision = (truth - missed) / (truth - missed + wrong + eps);
    return 2 * recall * precision / (recall + precision + eps);
  }

  program::ImageMeasures all() const {
    program::ImageMeasures m;
    for (int t = 0; t < 256; ++t) {
      const std::vector<bool> b = level(t);
      m.curves.e[t] = e(b), m.curves.f[t] = f(b), m.curves.precision[t] = precision(b), m.curves.recall[t] = recall(b);
      m.e_mean += m.curves.e[t] / 256, m.f_mean += m.curves.f[t] / 256;
      m.e_max = std::max(m.e_max, m.curves.e[t]), m.f_max = std::max(m.f_max, m.curves.f[t]);
    }
    m.s = s(), m.mae = mae(), m.f_weighted = weighted_f();
    m.e_adaptive = e(adaptive()), m.f_adaptive = f(adaptive());
    m.iou = iou(half()), m.dice = dice(half()), m.precision = precision(half()), m.recall = recall(half());
    return m;
  }
};

}  // namespace camo::test
