// camo bench train: runs the demo's network and data for some steps on one device and prints the loss of each step.
//
// Two runs with one seed on two devices must give the same curve: tests/device/run compares them.  Pictures are made in
// memory before each step, outside the timing.
#include <algorithm>
#include <cstdio>

#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/learner.h"
#include "nn/schedule.h"

namespace camo::program {
namespace {

/// Batch `step` of the demo's pictures, as its trainer makes it.
std::vector<Sample> batch(const Dataset& data, const TrainConfig& c, int64_t step) {
  std::vector<Tensor> images, masks;
  for (int64_t i = 0; i < c.batch_size; ++i) {
    Sample s = plain(data.load(step * c.batch_size + i), c.size);
    images.push_back(s.image), masks.push_back(s.mask);
  }
  return {{stack(images), stack(masks)}};
}

}  // namespace

int bench_train_command(const Arguments& words) {
  TrainConfig c = demo_config();
  c.out.clear();
  int64_t steps = 200;
  Command command{.name = "bench train",
                  .summary =
                      "Trains the demo's network on synthetic camouflage for some steps.  Prints the median time "
                      "of a step and writes the loss of each step.",
                  .usage = "camo bench train [flags]",
                  .options = {{"steps", &steps, "optimizer steps", 1, 1e6},
                              {"out", &c.out, "write times and losses to this JSON file"}}};
  command.options.add(options(c).only({"device", "size", "batch-size", "lr", "seed", "precision", "threads"}));
  read(command, words);
  apply_machine(c);

  const Dataset data{.pairs = {},
                     .synthetic = Dataset::Synthetic{.seed = uint64_t(c.seed),
                                                     .count = steps * c.batch_size,
                                                     .height = c.size.height,
                                                     .width = c.size.width,
                                                     .difficulty = c.difficulty}};
  const int64_t steps_per_epoch = std::max<int64_t>(1, c.count / c.batch_size);
  Learner learner(c, /*fresh=*/true);
  std::vector<double> losses, ms;
  for (int64_t step = 0; step < steps; ++step) {
    std::vector<Sample> window = batch(data, c, step);
    const double rate = nn::cosine_with_warmup(step, c.epochs * steps_per_epoch, steps_per_epoch, c.lr, c.min_lr);
    StepReport report;
    ms.push_back(1e3 * seconds_of([&] {
                   report = learner.step(window, rate, nullptr);  // reads the loss, and so waits for the device
                   synchronize(c.device);
                 }));
    check<NumericError>(report.accepted, "bench train: step ", step, ": NaN or infinity in ", report.culprit);
    losses.push_back(report.loss);
  }
  const double step_ms = median(ms);
  const std::string device = to_string(c.device), precision = name_of(c.precision);
  std::printf("%s, %s, %lld photographs of %s a step: %.2f ms a step, loss %.5f in step 1, %.5f in step %lld\n",
              device.c_str(), precision.c_str(), (long long)c.batch_size, to_string(c.size).c_str(), step_ms,
              losses.front(), losses.back(), (long long)steps);
  JsonObject out;
  out.items = {{"device", device},      {"precision", precision},
               {"seed", c.seed},        {"size", to_string(c.size)},
               {"batch", c.batch_size}, {"steps", steps},
               {"step_ms", step_ms},    {"parameters", learner.model().parameter_count()},
               {"losses", losses}};
  if (!c.out.empty()) write_file(c.out, to_json(out, false));
  return 0;
}

}  // namespace camo::program
