// The learning rate as a pure function of the step, without state to save or restore.
//
//   const RateSchedule rate{.steps = 1000, .warmup = 50, .peak = 3e-4};
//   optimizer.step(rate.at(step));
//
// Every shape rises linearly to `peak` over `warmup` steps, then falls to `floor`.  t runs from 0 after the warm-up to 1
// at the end:
//
//   cosine      half a cosine                              Loshchilov, Hutter 2017, arXiv:1608.03983, eq. 5
//   restarts    half a cosine over each cycle; each cycle is `growth` times as long as the one before    the same
//   polynomial  (1 - t)^power                              Chen et al. 2017, arXiv:1606.00915, section 4.1
//   step        times `factor` after every `every` steps   He et al. 2016, arXiv:1512.03385, section 3.4
//   constant    stays at `peak`
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace camo::nn {

enum class Decay { cosine, restarts, polynomial, step, constant };
constexpr auto names_of(Decay) { return std::array{"cosine", "restarts", "polynomial", "step", "constant"}; }

struct RateSchedule {
  int64_t steps = 1, warmup = 0;  // optimizer steps in all, and of them those during which the rate rises
  double peak = 0, floor = 0;
  Decay decay = Decay::cosine;
  double power = 0.9;              // of polynomial
  double cycle = 1, growth = 1;    // of restarts: steps of the first cycle, and length of a cycle over the last
  double every = 1, factor = 0.1;  // of step

  /// The rate of step 0, 1, ...; after the last step it stays.  Step 0 has peak / warmup, not 0.
  double at(int64_t step) const;
};

/// The commonest shape.
inline double cosine_with_warmup(int64_t step, int64_t total, int64_t warmup, double peak, double floor = 0) {
  return RateSchedule{.steps = total, .warmup = warmup, .peak = peak, .floor = floor}.at(step);
}

inline double RateSchedule::at(int64_t step) const {
  if (step < warmup) return peak * double(step + 1) / double(warmup);
  const auto half_cosine = [](double t) { return 0.5 * (1 + std::cos(std::numbers::pi * std::min(t, 1.0))); };
  const double done = double(step - warmup), t = std::min(1.0, done / double(std::max<int64_t>(steps - warmup, 1)));
  double share = 1;  // of the way from floor to peak
  if (decay == Decay::cosine) share = half_cosine(t);
  if (decay == Decay::polynomial) share = std::pow(1 - t, power);
  if (decay == Decay::step) share = std::pow(factor, std::floor(done / every));
  if (decay == Decay::restarts) {
    double into = done, length = cycle;
    while (into >= length) into -= length, length *= growth;
    share = half_cosine(into / length);
  }
  return decay == Decay::step ? std::max(floor, peak * share) : floor + (peak - floor) * share;
}

}  // namespace camo::nn
