// The learning rate as a pure function of the step, without state to save or restore.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace camo::nn {

/// Rises linearly to `peak` over `warmup` steps, then falls along half a cosine to `floor` at step `total` and stays
/// there.  Step 0 has the rate peak / warmup, not 0.  Loshchilov, Hutter 2017, arXiv:1608.03983.
inline double cosine_with_warmup(int64_t step, int64_t total, int64_t warmup, double peak, double floor = 0) {
  if (step < warmup) return peak * double(step + 1) / double(warmup);
  double t = double(step - warmup) / double(std::max<int64_t>(total - warmup, 1));
  return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * std::min(t, 1.0)));
}

}  // namespace camo::nn
