// camo bench load: how long weights take from a warm file into a network, and how much memory.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "examples/camo/bench/bench.h"
#include "examples/camo/commands/commands.h"
#include "examples/camo/run/weights_file.h"

namespace camo::program {

int bench_load_command(const Arguments& words) {
  std::string name, weights;
  int64_t rounds = 9;
  Command command{.name = "bench load",
                  .summary =
                      "Loads weights into a backbone again and again: the median time, building the network "
                      "included, and the peak of resident memory in the first round.",
                  .usage = "camo bench load --backbone NAME --weights FILE [flags]",
                  .options = {choice("backbone", &name, "feature extractor", nn::backbone_names()),
                              {"weights", &weights, "its weights"},
                              {"rounds", &rounds, "that count, after the first", 1, 1000}}};
  read(command, words);
  check<ConfigError>(!name.empty() && !weights.empty(), "camo bench load: needs --backbone and --weights");
  double file = 0;
  for (const TensorInfo& t : read_tensors_header(weights).tensors) file += double(t.end - t.begin) / (1 << 20);
  const double before = status_mib("VmRSS");
  std::vector<double> seconds;
  double peak = 0;
  for (int64_t i = 0; i <= rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    auto net = nn::backbone(name, nn::Scope{.initialise = false});
    load_weights_file(*net, weights);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (i) seconds.push_back(took.count());
    else peak = status_mib("VmHWM");
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf("%s, %.1f MiB: %.3f s (%.3f to %.3f, %lld rounds); ", weights.c_str(), file, seconds[seconds.size() / 2],
              seconds.front(), seconds.back(), (long long)rounds);
  std::printf("peak memory %.1f MiB, of which %.1f before: %.2f x the file\n", peak, before, peak / file);
  return 0;
}

}  // namespace camo::program
