// camo bench load: the time and memory to load weights from a cached file into a network.
#include <cstdio>

#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/record/process_memory.h"
#include "examples/camo/trained/weights_file.h"

namespace camo::program {

int bench_load_command(const Arguments& words) {
  TrainConfig config;
  config.backbone.clear();
  int64_t rounds = 9;
  Command command{.name = "bench load",
                  .summary =
                      "Times the loading of weights into a new backbone.  Prints the median time of the rounds "
                      "and the peak of resident memory in the first round.",
                  .usage = "camo bench load --backbone NAME --weights FILE [flags]",
                  .options = options(config).only({"backbone", "weights"})};
  command.options.add({{"rounds", &rounds, "timed rounds, after one that is not timed", 1, 1000}});
  read(command, words);
  const std::string &name = config.backbone, &weights = config.weights;
  check<ConfigError>(!name.empty() && !weights.empty(), "camo bench load: needs --backbone and --weights");
  constexpr double kMib = 1 << 20;
  double file = 0;
  for (const TensorInfo& t : read_tensors_header(weights).tensors) file += double(t.end - t.begin) / kMib;
  const double before = double(resident_bytes()) / kMib;
  std::vector<double> seconds;
  double peak = 0;
  for (int64_t i = 0; i <= rounds; ++i) {
    std::unique_ptr<nn::Backbone> net;
    const double took = seconds_of([&] {
      net = nn::backbone(name, nn::Scope{.initialise = false});
      load_weights_file(*net, weights);
    });
    if (i) seconds.push_back(took);
    else peak = double(peak_resident_bytes()) / kMib;
  }
  const auto [fastest, slowest] = range_of(seconds);
  std::printf("%s, %.1f MiB: %.3f s (%.3f to %.3f, %lld rounds); ", weights.c_str(), file, median(seconds), fastest,
              slowest, (long long)rounds);
  std::printf("peak memory %.1f MiB, of which %.1f before: %.2f x the file\n", peak, before, peak / file);
  return 0;
}

}  // namespace camo::program
