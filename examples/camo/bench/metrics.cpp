// camo bench metrics: how long it takes to measure maps that lie in memory.
#include "examples/camo/metrics/metrics.h"

#include <chrono>
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/synth.h"
#include "tensor/image/image.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

/// A map as a network makes it: the object's outline blurred, and the photograph faintly through it.
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
  int64_t count = 2000, threads = 0;
  ImageSize size;
  Command command{.name = "bench metrics",
                  .summary = "Measures maps in memory, 32 synthetic ones again and again: seconds and maps a second.",
                  .usage = "camo bench metrics [flags]",
                  .options = {{"count", &count, "maps to measure", 1, 1e6},
                              {"size", &size, "of the maps"},
                              {"threads", &threads, "threads; 0: one per core", 0, 1024}}};
  read(command, words);
  set_threads(int(threads));
  std::vector<MapAndMask> pairs(std::min(count, kDistinct));
  parallel_for(int64_t(pairs.size()), kGrain, [&](int64_t i) {
    const SynthPair pair = make_synthetic(/*seed=*/1, uint64_t(i), size.height, size.width);
    pairs[i] = {imagined_map(pair), pair.mask};
  });
  const auto start = std::chrono::steady_clock::now();
  const std::vector<ImageMeasures> images = measure_all(count, [&](int64_t i) { return pairs[i % kDistinct]; });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const Measures mean = average(images);
  std::printf("%lld maps of %s on %d threads: %.2f s, %.0f maps/s  (S %.4f, weighted F %.4f)\n", (long long)count,
              to_string(size).c_str(), camo::threads(), seconds, double(count) / seconds, mean.s, mean.f_weighted);
  return 0;
}

}  // namespace camo::program
