// Intervals of a figure by the bootstrap over images.
//
// A set of n images is one draw from all images that might have been collected.  Draw n of them with replacement many
// times, and compute the figure of each draw: the middle 95 % of these figures is the interval.  When two models are
// compared, each draw is the same for both (the differences are resampled), because most of the spread is that of images.
// The draws come from counter-based numbers of a fixed seed: the same images give the same interval everywhere.
// Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", percentile intervals (ch. 13).
#pragma once

#include <cstdint>
#include <vector>

namespace camo::program {

constexpr int64_t kResamples = 2000;

struct Interval {
  double low = 0, high = 0;
};
/// The interval of the middle 95 % of some figures; its ends are interpolated linearly between figures.
Interval middle(std::vector<double> figures);

/// How often each of n images is drawn in resample number r; sums to n.
std::vector<int32_t> draw_images(int64_t n, int64_t r);

/// The interval of the mean of one figure an image.
Interval interval_of_mean(const std::vector<double>& figures);

}  // namespace camo::program
