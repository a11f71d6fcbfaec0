// camo bench step: one training step of a backbone: forward, mean of squares over the features, backward.
//
// tests/peers/step_timm.py does the same in PyTorch; tests/peers/compare_step.py runs the two in turn, with --serve.
#include <cstdio>
#include <iostream>

#include "autograd/ops.h"
#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/options/config.h"
#include "examples/camo/record/process_memory.h"
#include "nn/backbone.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

struct Step {
  std::unique_ptr<nn::Backbone> model;
  Var image;

  Step(const TrainConfig& config, int64_t batch, int64_t size)
      : model(nn::backbone(config.backbone, nn::Scope{.seed = 1}, {.height = size, .width = size})),
        image(cast(randn({batch, size, size, 3}, uint64_t(2)), precision(config))) {}

  void run() {
    model->state().next_micro_step();
    Var loss;
    for (const Var& f : model->forward(image)) loss = loss.defined() ? loss + mean(square(f)) : mean(square(f));
    backward(loss);
    nn::zero_grad(*model);
  }
  double milliseconds() {
    return 1e3 * seconds_of([&] { run(); });
  }
  /// Peak resident memory of this step minus resident memory before it; meaningful for the first step only.
  double memory_mib() {
    const int64_t before = resident_bytes();
    run();
    return double(peak_resident_bytes() - before) / (1 << 20);
  }
};

/// Answers "step" with "ms 123.4" and "memory" with "mib 567.8".
int serve(Step& step) {
  for (std::string word; std::getline(std::cin, word);) {
    if (word == "step") std::printf("ms %.3f\n", step.milliseconds());
    else if (word == "memory") std::printf("mib %.1f\n", step.memory_mib());
    else throw ConfigError("camo bench step: commands are step and memory, got " + word);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int bench_step_command(const Arguments& words) {
  TrainConfig config;
  int64_t batch = 4, size = 352, rounds = 7;
  bool served = false;
  Command command{.name = "bench step",
                  .summary =
                      "Times a training step of a backbone: forward pass, mean of squares of the feature maps, "
                      "backward pass.  Prints the median time of the rounds and the memory of the first step.",
                  .usage = "camo bench step [flags]",
                  .options = options(config).only({"backbone", "threads", "precision", "bf16-units"})};
  command.options.add({{"batch", &batch, "photographs in a step", 1, 4096},
                       {"size", &size, "side of the photographs in pixels", 32, 4096},
                       {"rounds", &rounds, "timed steps, after two that are not timed", 1, 1e6},
                       {"serve", &served, "run a step for each line of standard input that says step or memory"}});
  read(command, words);
  apply_machine(config);
  Step step(config, batch, size);
  if (served) return serve(step);
  const double memory = step.memory_mib();
  step.run();
  std::vector<double> ms;
  for (int64_t i = 0; i < rounds; ++i) ms.push_back(step.milliseconds());
  const auto [fastest, slowest] = range_of(ms);
  std::printf("%s %lldx%lld batch %lld, %s%s, %d threads: %.1f ms (%.1f to %.1f, %lld rounds), memory %.0f MiB\n",
              config.backbone.c_str(), (long long)size, (long long)size, (long long)batch, name_of(config.precision),
              bf16_units() == Bf16Units::off ? "" : text(" by bf16 ", name_of(bf16_units())).c_str(), camo::threads(),
              median(ms), fastest, slowest, (long long)rounds, memory);
  return 0;
}

}  // namespace camo::program
