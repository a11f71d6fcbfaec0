#include "examples/camo/data/epoch.h"

#include <algorithm>
#include <cmath>

#include "examples/camo/options/format.h"

namespace camo::program {
namespace {

/// The most photographs with an empty mask in an epoch.
int64_t most_empty(const std::vector<bool>& empty, double share) {
  const int64_t n = int64_t(empty.size()), all = std::count(empty.begin(), empty.end(), true);
  return std::min(all, int64_t(std::floor(share * double(n) + 1e-9)));
}

}  // namespace

std::vector<int64_t> visits(const std::vector<bool>& empty, double empty_share, uint64_t seed, int64_t epoch) {
  const int64_t n = int64_t(empty.size()), most = most_empty(empty, empty_share);
  std::vector<int64_t> out = shuffled(n, seed, epoch), others;
  std::vector<bool> stays(empty.size(), true);
  int64_t kept = 0;
  for (int64_t i : shuffled(n, seed, epoch, /*call=*/1))  // independent of the order
    if (!empty[size_t(i)]) others.push_back(i);
    else stays[size_t(i)] = kept < most, ++kept;
  check<DataError>(!others.empty() || kept <= most, "train: all ", n, " masks are empty, --empty-share ", empty_share,
                   " needs some that are not");
  int64_t repeats = 0;
  for (int64_t& visit : out) {
    if (stays[size_t(visit)]) continue;
    const int64_t m = int64_t(others.size()), k = repeats++;
    visit = others[size_t(k % m)] + (1 + k / m) * n;
  }
  return out;
}

std::vector<bool> empty_masks(const Dataset& data) {
  std::vector<bool> out(size_t(data.size()), false);
  for (size_t i = 0; i < data.pairs.size(); ++i) out[i] = data.pairs[i].empty;
  return out;
}

std::string empty_masks_note(const Dataset& data, double empty_share) {
  const std::vector<bool> empty = empty_masks(data);
  const int64_t n = data.size(), all = std::count(empty.begin(), empty.end(), true),
                most = most_empty(empty, empty_share);
  if (all == 0) return {};
  return text(all, " of ", n, " training masks (", formatted("%.0f", 100 * double(all) / double(n)), " %) are empty; ",
              most < all ? text("an epoch has ", most, " of them and repeats other photographs")
                         : "all are used [--empty-share X, for fewer]");
}

ImageSize size_of_step(ImageSize size, const AugmentSettings& settings, uint64_t seed, int64_t epoch, int64_t step) {
  if (settings.scales.empty()) return size;
  Random random({.seed = seed,
                 .domain = Domain::augment,
                 .path = ~uint64_t{0},  // no visit has this number
                 .step = uint32_t(epoch),
                 .call = uint32_t(step)});
  return scaled(size, settings.scales[size_t(random.below(int64_t(settings.scales.size())))]);
}

RawSample sample_of(const Dataset& data, int64_t visit, ImageSize size, const AugmentSettings& settings, uint64_t seed,
                    int64_t epoch) {
  const RandomKey key{.seed = seed, .domain = Domain::augment, .path = uint64_t(visit), .step = uint32_t(epoch)};
  return cut(data.load(visit % data.size(), epoch), size, draw(key, settings));
}

}  // namespace camo::program
