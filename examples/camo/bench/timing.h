// Measuring time: a clock, and the median of several samples.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace camo::program {

/// Seconds since a fixed moment.
inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds that f() takes.
template <class F> double seconds_of(const F& f) {
  const double start = now();
  f();
  return now() - start;
}

/// The median; for an even number of samples, the upper of the two in the middle.
inline double median(std::vector<double> x) {
  std::nth_element(x.begin(), x.begin() + x.size() / 2, x.end());
  return x[x.size() / 2];
}

/// The smallest and largest of x, for reports.
inline std::pair<double, double> range_of(const std::vector<double>& x) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  return {*low, *high};
}

}  // namespace camo::program
