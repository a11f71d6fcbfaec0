#include "examples/camo/run/epoch_batches.h"

#include "examples/camo/data/epoch.h"

namespace camo::program {
namespace {

/// Places [first, end) of the epoch's order.
std::vector<int64_t> places(int64_t first, int64_t end) {
  const std::vector<int64_t> all = in_order(end);
  return {all.begin() + first, all.end()};
}

/// Makes the sample at a place of the epoch's order; all samples of a step have one size.
std::function<RawSample(int64_t)> maker(const Dataset& data, const Stage& stage, int64_t epoch) {
  const TrainConfig& c = stage.config;
  const uint64_t seed = uint64_t(c.seed);
  return [&data, seed, epoch, size = c.size, together = stage.batch_size * c.accumulate,
          augment = augment_settings(c.augment),
          visit = visits(empty_masks(data), c.empty_share, seed, epoch)](int64_t place) {
    const ImageSize pixels = size_of_step(size, augment, seed, epoch, place / together);
    return sample_of(data, visit[size_t(place)], pixels, augment, seed, epoch);
  };
}

}  // namespace

EpochBatches::EpochBatches(const Dataset& data, const Stage& stage, int64_t epoch, int64_t done)
    : stage_(stage),
      loader_(maker(data, stage, epoch), places(done * stage.batch_size, stage.batches * stage.batch_size),
              stage.config.workers, 2 * stage.batch_size) {}

std::vector<Sample> EpochBatches::next_step(Device device) {
  std::vector<Sample> out;
  while (int64_t(out.size()) < stage_.config.accumulate) {
    std::optional<Sample> batch = next_batch(loader_, stage_.batch_size, device, normalisation(stage_.config));
    if (!batch) break;
    out.push_back(std::move(*batch));
  }
  return out;
}

}  // namespace camo::program
