#include "examples/camo/metrics/bootstrap.h"

#include <algorithm>
#include <cmath>

#include "tensor/parallel.h"
#include "tensor/random.h"

namespace camo::program {

Interval middle(std::vector<double> figures) {
  check<DataError>(!figures.empty(), "middle: of no figures");
  std::sort(figures.begin(), figures.end());
  auto quantile = [&](double part) {
    const double place = part * double(figures.size() - 1);
    const auto below = size_t(place), above = std::min(below + 1, figures.size() - 1);
    return figures[below] + (place - double(below)) * (figures[above] - figures[below]);
  };
  return {quantile(0.025), quantile(0.975)};
}

std::vector<int32_t> draw_images(int64_t n, int64_t r) {
  static const uint64_t path = hash("bootstrap over images");
  Random random({.seed = 1, .domain = Domain::shuffle, .path = path, .step = uint32_t(r)});
  std::vector<int32_t> times(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) ++times[random.below(n)];
  return times;
}

Interval interval_of_mean(const std::vector<double>& figures) {
  std::vector<double> means(kResamples);
  const auto n = int64_t(figures.size());
  parallel_for(kResamples, n, [&](int64_t r) {
    const std::vector<int32_t> times = draw_images(n, r);
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += times[i] * figures[i];
    means[r] = sum / double(n);
  });
  return middle(std::move(means));
}

}  // namespace camo::program
