// camo bench train: the demo's network and data for some steps on one device, and the loss of each step.
//
// Two runs of one seed, one on each device, must give the same curve: tests/device/run compares them.  Pictures are made
// in memory before each step and are not timed.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/learner.h"
#include "nn/schedule.h"

namespace camo::program {
namespace {

/// Batch `step` of the demo's pictures, as its trainer would make it.
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
                      "Trains the demo's network on synthetic camouflage for some steps, prints the time of a step "
                      "and writes the loss of each.",
                  .usage = "camo bench train [flags]",
                  .options = {{"steps", &steps, "optimizer steps", 1, 1e6}, {"out", &c.out, "JSON file to write"}},
                  .rest = "train"};
  for (const char* name : {"device", "size", "batch-size", "lr", "seed", "precision", "threads"})
    for (const Option& o : options(c))
      if (o.name == name) command.options.push_back(o);
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
    const auto start = std::chrono::steady_clock::now();
    const StepReport report = learner.step(window, rate, nullptr);  // reads the loss: waits for the device
    synchronize(parse_device(c.device));
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    check<NumericError>(report.accepted, "bench train: step ", step, ": NaN or infinity in ", report.culprit);
    losses.push_back(report.loss);
  }
  std::sort(ms.begin(), ms.end());
  const double median = ms[ms.size() / 2];
  std::printf("%s, %s, %lld photographs of %s a step: %.2f ms a step, loss %.5f in step 1, %.5f in step %lld\n",
              c.device.c_str(), c.precision.c_str(), (long long)c.batch_size, to_string(c.size).c_str(), median,
              losses.front(), losses.back(), (long long)steps);
  JsonObject out;
  out.items = {{"device", c.device},    {"precision", c.precision},
               {"seed", c.seed},        {"size", to_string(c.size)},
               {"batch", c.batch_size}, {"steps", steps},
               {"step_ms", median},     {"parameters", learner.model().parameter_count()},
               {"losses", losses}};
  if (!c.out.empty()) write_file(c.out, to_json(out, false));
  return 0;
}

}  // namespace camo::program
