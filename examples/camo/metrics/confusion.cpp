#include "examples/camo/metrics/confusion.h"

#include <algorithm>

namespace camo::program {
namespace {

/// Counts pixels for the binarisation positive(grey level).
template <class Positive> Confusion binarise(const GreyPair& pair, const Positive& positive) {
  Confusion c;
  for (int v = pair.low; v <= pair.high; ++v) {
    const int64_t in = pair.count[1][v], out = pair.count[0][v];
    if (positive(v)) c.tp += in, c.fp += out;
    else c.fn += in, c.tn += out;
  }
  return c;
}

/// The enhanced alignment of a pixel whose prediction and truth deviate from their means by u and v.
double alignment(double u, double v) {
  const double aligned = 2 * u * v / (u * u + v * v + kEps) + 1;
  return aligned * aligned / 4;
}

}  // namespace

double Confusion::f_measure() const {
  constexpr double kBetaSquared = 0.3;
  const double p = precision(), r = recall();
  return ratio((1 + kBetaSquared) * p * r, kBetaSquared * p + r);
}

double Confusion::e_measure() const {
  const double n = double(tp + fp + fn + tn), positive = double(tp + fp), truth = double(tp + fn);
  double sum;
  if (truth == 0) {
    sum = n - positive;
  } else if (truth == n) {
    sum = positive;
  } else {
    const double p = positive / n, g = truth / n;  // means of prediction and truth
    sum = double(tp) * alignment(1 - p, 1 - g) + double(fp) * alignment(1 - p, -g) + double(fn) * alignment(-p, 1 - g) +
          double(tn) * alignment(-p, -g);
  }
  return sum / (n - 1 + kEps);
}

Curves curves_of(const GreyPair& pair) {
  std::array<Histogram, 2> count{};
  for (int v = pair.low; v <= pair.high; ++v)
    for (int side : {0, 1}) count[side][int(pair.value[v] * 255)] += pair.count[side][v];
  Curves out;
  Confusion c{0, 0, pair.foreground, pair.pixels - pair.foreground};
  for (int t = 255; t >= 0; --t) {  // each step adds one grey level to the prediction
    c.tp += count[1][t], c.fn -= count[1][t];
    c.fp += count[0][t], c.tn -= count[0][t];
    out.e[t] = c.e_measure(), out.f[t] = c.f_measure();
    out.precision[t] = c.precision(), out.recall[t] = c.recall();
  }
  return out;
}

Confusion at_half(const GreyPair& pair) {
  return binarise(pair, [&](int v) { return pair.value[v] > 0.5; });
}

Confusion at_adaptive(const GreyPair& pair) {
  const double threshold = std::min(2 * pair.mean(), 1.0);
  return binarise(pair, [&](int v) { return pair.value[v] >= threshold; });
}

}  // namespace camo::program
