// Confidence intervals of a measure by the bootstrap over images.
//
// A set of n images is one sample of all that might have been collected.  Draw n of them with replacement many
// times and compute the measure for each draw: the middle 95 % of the results is the interval.  For the
// comparison of two models the same draw is used for both (their differences are resampled), because most of the
// spread comes from the images.
// The draws use counter-based random numbers with a fixed seed, so the same images give the same interval everywhere.
// Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", percentile intervals (ch. 13).
#pragma once

#include <cstdint>
#include <vector>

namespace camo::program {

constexpr int64_t kResamples = 2000;

struct Interval {
  double low = 0, high = 0;
};
/// The middle 95 % of some numbers, with linear interpolation between them.
Interval middle(std::vector<double> figures);

/// How often each of n images is drawn in resample r; the sum is n.
std::vector<int32_t> draw_images(int64_t n, int64_t r);

/// The interval of the mean of one number per image.
Interval interval_of_mean(const std::vector<double>& figures);

}  // namespace camo::program
