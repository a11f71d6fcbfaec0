#include "examples/camo/run/epoch_batches.h"

#include "examples/camo/data/augment.h"

namespace camo::program {
namespace {

std::vector<int64_t> order(const Dataset& data, const Stage& s, int64_t epoch, int64_t done) {
  const std::vector<int64_t> all = shuffled(data.size(), uint64_t(s.config.seed), epoch);
  return {all.begin() + done * s.batch_size, all.begin() + s.batches * s.batch_size};
}

}  // namespace

EpochBatches::EpochBatches(const Dataset& data, const Stage& stage, int64_t epoch, int64_t done)
    : stage_(stage),
      loader_(
          [&data, &c = stage.config, epoch](int64_t i) {
            const RandomKey key{
                .seed = uint64_t(c.seed), .domain = Domain::augment, .path = uint64_t(i), .step = uint32_t(epoch)};
            return cut(data.load(i, epoch), c.size, c.augment ? draw(key) : Augmentation{});
          },
          order(data, stage, epoch, done), stage.config.workers, 2 * stage.batch_size) {}

std::vector<Sample> EpochBatches::next_step(Device device) {
  std::vector<Sample> out;
  while (int64_t(out.size()) < stage_.config.accumulate) {
    std::optional<Sample> batch = next_batch(loader_, stage_.batch_size, device);
    if (!batch) break;
    out.push_back(std::move(*batch));
  }
  return out;
}

}  // namespace camo::program
