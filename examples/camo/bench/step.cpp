// camo bench step: one training step of a backbone or a network: forward, means of squares of its maps, backward.
//
// tests/peers/step_torch.py does the same in PyTorch; tests/peers/compare_step.py runs the two in turn, with --serve.
#include <cstdio>
#include <iostream>

#include "autograd/ops.h"
#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/options/config.h"
#include "examples/camo/record/process_memory.h"
#include "examples/camo/trained/checkpoint.h"
#include "nn/backbone.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

constexpr const char* kNoModel = "none";

/// All maps of a network that there are.
Vars maps_of(moe::CamoXpertOut out) {
  Vars maps = std::move(out.deep);
  maps.insert(maps.end(), out.steps.begin(), out.steps.end());
  for (const Var& map : {out.logits, out.search, out.reverse})
    if (map.defined()) maps.push_back(map);
  return maps;
}

struct Step {
  std::unique_ptr<nn::Backbone> backbone;   // either,
  std::unique_ptr<moe::CamoXpert> network;  // or
  Var image;

  Step(const TrainConfig& config, int64_t batch)
      : image(cast(randn({batch, config.size.height, config.size.width, 3}, uint64_t(2)), precision(config))) {
    if (config.model == kNoModel)
      backbone = nn::backbone(config.backbone, nn::Scope{.seed = 1},
                              {.height = config.size.height, .width = config.size.width});
    else network = make_model(config);
  }

  void run() {
    nn::Module& model = backbone ? static_cast<nn::Module&>(*backbone) : *network;
    model.state().next_micro_step();
    Var loss;
    for (const Var& map : backbone ? backbone->forward(image) : maps_of(network->forward(image)))
      loss = loss.defined() ? loss + mean(square(map)) : mean(square(map));
    backward(loss);
    nn::zero_grad(model);
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
  config.model = kNoModel, config.drop_path = 0;
  int64_t batch = 4, size = 352, rounds = 7;
  bool served = false;
  Command command{.name = "bench step",
                  .summary =
                      "Times a training step of a backbone, or of a network without drop path: forward pass, means of "
                      "squares of its maps, backward pass.  Prints the median time of the rounds and the memory of the "
                      "first step.",
                  .usage = "camo bench step [flags]",
                  .options = options(config).only(
                      {"backbone", "threads", "precision", "bf16-units", "winograd", "experts", "chosen"})};
  std::vector<std::string> models = moe::model_names();
  models.insert(models.begin(), kNoModel);
  command.options.add({choice("model", &config.model, "network; none: the backbone alone", models)});
  command.options.add({{"batch", &batch, "photographs in a step", 1, 4096},
                       {"size", &size, "side of the photographs in pixels", 32, 4096},
                       {"rounds", &rounds, "timed steps, after two that are not timed", 1, 1e6},
                       {"serve", &served, "run a step for each line of standard input that says step or memory"}});
  read(command, words);
  config.size = {size, size};
  apply_machine(config);
  Step step(config, batch);
  if (served) return serve(step);
  const double memory = step.memory_mib();
  step.run();
  std::vector<double> ms;
  for (int64_t i = 0; i < rounds; ++i) ms.push_back(step.milliseconds());
  const auto [fastest, slowest] = range_of(ms);
  std::printf("%s%s %lldx%lld batch %lld, %s%s, %d threads: %.1f ms (%.1f to %.1f, %lld rounds), memory %.0f MiB\n",
              config.model == kNoModel ? "" : (config.model + " on ").c_str(), config.backbone.c_str(), (long long)size,
              (long long)size, (long long)batch, name_of(config.precision), units_words().c_str(), camo::threads(),
              median(ms), fastest, slowest, (long long)rounds, memory);
  return 0;
}

}  // namespace camo::program
