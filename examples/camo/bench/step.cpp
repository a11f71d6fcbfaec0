#include "examples/camo/bench/step.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "autograd/ops.h"
#include "examples/camo/bench/bench.h"
#include "nn/backbone.h"
#include "tensor/parallel.h"

namespace camo {
namespace {

double now_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Step {
  std::unique_ptr<nn::Backbone> model;
  Var image;

  explicit Step(const StepBench& o)
      : model(nn::backbone(o.backbone, nn::Scope{.seed = 1}, {.height = o.size, .width = o.size})),
        image(randn({o.batch, o.size, o.size, 3}, uint64_t(2))) {}

  void run() {
    model->state().next_micro_step();
    Var loss;
    for (const Var& f : model->forward(image)) loss = loss.defined() ? loss + mean(square(f)) : mean(square(f));
    backward(loss);
    nn::zero_grad(*model);
  }
  double timed_ms() {
    double start = now_ms();
    run();
    return now_ms() - start;
  }
  double memory_mib() {
    double before = status_mib("VmRSS");
    run();
    return status_mib("VmHWM") - before;
  }
};

}  // namespace

double status_mib(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + ":")) return std::stod(line.substr(key.size() + 1)) / 1024;
  return 0;
}

int bench_step(const StepBench& options) {
  set_threads(options.threads);
  Step step(options);
  if (options.serve) {
    for (std::string command; std::getline(std::cin, command);) {
      if (command == "step") std::printf("ms %.3f\n", step.timed_ms());
      else if (command == "memory") std::printf("mib %.1f\n", step.memory_mib());
      else return std::fprintf(stderr, "bench step: commands are step and memory, got %s\n", command.c_str()), 2;
      std::fflush(stdout);
    }
    return 0;
  }
  double memory = step.memory_mib();
  step.run();
  std::vector<double> ms;
  for (int i = 0; i < options.rounds; ++i) ms.push_back(step.timed_ms());
  std::sort(ms.begin(), ms.end());
  std::printf("%s %lldx%lld batch %lld, %d threads: %.1f ms (%.1f to %.1f, %d rounds), memory %.0f MiB\n",
              options.backbone.c_str(), (long long)options.size, (long long)options.size, (long long)options.batch,
              threads(), ms[ms.size() / 2], ms.front(), ms.back(), options.rounds, memory);
  return 0;
}

}  // namespace camo
