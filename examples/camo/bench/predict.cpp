// camo bench predict: how long one photograph takes, from pixels in memory to the map.
#include <algorithm>
#include <cstdio>

#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/data/synth.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/format.h"
#include "examples/camo/predict/predictor.h"
#include "examples/camo/record/process_memory.h"
#include "examples/camo/trained/checkpoint.h"
#include "tensor/memory/allocator.h"
#include "tensor/parallel.h"

namespace camo::program {

int bench_predict_command(const Arguments& words) {
  TrainConfig config;
  config.size = {352, 352};
  int64_t count = 50;
  std::string batches = "1";
  Command command{
      .name = "bench predict",
      .summary =
          "Times the prediction of photographs that are in memory and have the network's size: scaling of the pixels, "
          "the network, and the map.  The network is fresh, which takes as long as a trained one.",
      .usage = "camo bench predict [flags]",
      .options = options(config).only(
          {"model", "backbone", "size", "experts", "pool", "chosen", "attention", "device", "precision", "threads"})};
  command.options.add({{"batch", &batches, "photographs that are passed together, as N,N,..."},
                       {"count", &count, "timed passes, after three that are not timed", 1, 1e6}});
  read(command, words);
  const std::vector<int64_t> together = list_of(batches, "camo bench predict --batch");
  apply_machine(config);
  auto model = make_model(config);
  model->train(false);
  const Tensor image = make_synthetic(1, 0, config.size.height, config.size.width).image;
  std::printf("%s on %s, %s pixels, %s, %s, %d threads\n%7s %9s %9s %9s %12s\n", config.model.c_str(),
              config.backbone.c_str(), to_string(config.size).c_str(), describe(config.device).c_str(),
              name_of(config.precision), threads(), "batch", "p50 ms", "p95 ms", "most ms", "img/s");
  for (int64_t batch : together) {
    Predictor predictor({member_of(*model, config)}, {}, batch);
    std::vector<double> seconds;
    for (int64_t i = 0; i < count + 3; ++i) {
      const double once = seconds_of([&] {
        std::vector<Photograph> photographs;
        for (int64_t b = 0; b < batch; ++b) photographs.push_back(predictor.prepared("picture", image, config.size));
        predictor.maps(photographs);
      });
      if (i >= 3) seconds.push_back(once);
    }
    std::sort(seconds.begin(), seconds.end());
    auto quantile = [&](double q) { return 1e3 * seconds[size_t(q * double(seconds.size() - 1) + 0.5)]; };
    std::printf("%7lld %9.1f %9.1f %9.1f %12.1f\n", (long long)batch, quantile(0.5), quantile(0.95), quantile(1),
                1e3 * double(batch) / quantile(0.5));
    std::fflush(stdout);
  }
  std::printf("memory: %s\n", bytes_text(double(config.device.kind == Device::cpu ? peak_resident_bytes()
                                                                                  : memory_stats(config.device).peak))
                                  .c_str());
  return 0;
}

}  // namespace camo::program
