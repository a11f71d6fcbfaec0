// How many batches and optimizer steps a run has, and the learning rate of each step.
#pragma once

#include <algorithm>
#include <cmath>

#include "examples/camo/options/config.h"
#include "nn/schedule.h"

namespace camo::program {

struct Schedule {
  int64_t batch_size;       // photographs in a forward pass; never more than there are
  int64_t batches;          // in an epoch; photographs that fill no batch are left out
  int64_t steps_per_epoch;  // optimizer steps
  int64_t steps;            // in the whole run
  int64_t warmup;           // steps in which the learning rate rises
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
