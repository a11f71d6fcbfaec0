// The number of batches and optimizer steps of a run, and the learning rate of each step.
#pragma once

#include <algorithm>
#include <cmath>

#include "examples/camo/options/config.h"
#include "nn/schedule.h"

namespace camo::program {

struct Schedule {
  int64_t batch_size;       // photographs per forward pass, but at most all of them
  int64_t batches;          // per epoch; photographs that do not fill a batch are left out
  int64_t steps_per_epoch;  // optimizer steps
  int64_t steps;            // in the whole run
  int64_t warmup;           // steps during which the learning rate rises
  double peak_rate, last_rate;

  Schedule(const TrainConfig& c, int64_t photographs)
      : batch_size(std::min(c.batch_size, photographs)),
        batches(photographs / batch_size),
        steps_per_epoch((batches + c.accumulate - 1) / c.accumulate),
        steps(steps_per_epoch * c.epochs),
        warmup(std::llround(c.warmup * double(steps_per_epoch))),
        peak_rate(c.lr),
        last_rate(c.min_lr) {}

  double rate(int64_t step) const { return nn::cosine_with_warmup(step, steps, warmup, peak_rate, last_rate); }
};

}  // namespace camo::program
