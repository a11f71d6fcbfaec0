#include "examples/camo/run/epoch_batches.h"

#include "examples/camo/data/epoch.h"

namespace camo::program {
namespace {

/// The places of the epoch's order in a process's batches from batch `first` on.
std::vector<int64_t> places(const Stage& s, int64_t first, int rank, int processes) {
  std::vector<int64_t> out;
  for (int64_t b = first; b < s.batches; ++b)
    for (int64_t i = 0; i < s.batch_size && (b - first) % s.config.accumulate % processes == rank; ++i)
      out.push_back(b * s.batch_size + i);
  return out;
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

EpochBatches::EpochBatches(const Dataset& data, const Stage& stage, int64_t epoch, int64_t done, int rank,
                           int processes)
    : stage_(stage),
      done_(done),
      rank_(rank),
      processes_(processes),
      loader_(maker(data, stage, epoch), places(stage, done, rank, processes), stage.config.workers,
              2 * stage.batch_size) {}

std::vector<Sample> EpochBatches::next_step(Device device) {
  std::vector<Sample> out;
  const int64_t all = next_count();
  for (int64_t i = rank_; i < all; i += processes_)
    out.push_back(*next_batch(loader_, stage_.batch_size, device, normalisation(stage_.config)));
  done_ += all;
  return out;
}

}  // namespace camo::program
