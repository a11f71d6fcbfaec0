// camo bench metrics: the time of all measures on maps in memory.
#include "examples/camo/metrics/metrics.h"

#include <cstdio>

#include "examples/camo/bench/bench.h"
#include "examples/camo/bench/timing.h"
#include "examples/camo/data/synth.h"
#include "examples/camo/options/config.h"
#include "tensor/image/image.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

/// A map like a network's: the object's outline blurred, with the photograph faintly visible.
Tensor imagined_map(const SynthPair& pair) {
  const int64_t h = pair.mask.dim(0), w = pair.mask.dim(1);
  Tensor map = resize_image(resize_image(pair.mask, h / 8 + 1, w / 8 + 1), h, w);
  uint8_t* to = map.write<uint8_t>();
  const uint8_t* photograph = pair.image.read<uint8_t>();
  for (int64_t i = 0; i < map.numel(); ++i) to[i] = uint8_t((3 * to[i] + photograph[3 * i]) / 4);
  return map;
}

}  // namespace

int bench_metrics_command(const Arguments& words) {
  constexpr int64_t kDistinct = 32;
  int64_t count = 2000;
  Machine machine;
  ImageSize size;
  Command command{
      .name = "bench metrics",
      .summary = "Times all measures of camo eval on maps in memory: 32 synthetic maps, again and again.",
      .usage = "camo bench metrics [flags]",
      .options = {{"count", &count, "number of maps", 1, 1e6}, {"size", &size, "size of the maps in pixels"}}};
  command.options.add(options(machine).only({"threads"}));
  read(command, words);
  set_threads(int(machine.threads));
  std::vector<MapAndMask> pairs(std::min(count, kDistinct));
  parallel_for(int64_t(pairs.size()), kGrain, [&](int64_t i) {
    const SynthPair pair = make_synthetic(/*seed=*/1, uint64_t(i), size.height, size.width);
    pairs[i] = {imagined_map(pair), pair.mask};
  });
  std::vector<ImageMeasures> images;
  const double seconds =
      seconds_of([&] { images = measure_all(count, [&](int64_t i) { return pairs[i % kDistinct]; }); });
  const Measures mean = average(images);
  std::printf("%lld maps of %s on %d threads: %.2f s, %.0f maps/s  (S %.4f, weighted F %.4f)\n", (long long)count,
              to_string(size).c_str(), camo::threads(), seconds, double(count) / seconds, mean.s, mean.f_weighted);
  return 0;
}

}  // namespace camo::program
