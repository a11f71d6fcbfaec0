#include "examples/camo/data/loader.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "tensor/random.h"

namespace camo::program {

std::vector<int64_t> in_order(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<int64_t> shuffled(int64_t n, uint64_t seed, int64_t epoch, uint32_t call) {
  std::vector<int64_t> order = in_order(n);
  Random random({.seed = seed, .domain = Domain::shuffle, .step = uint32_t(epoch), .call = call});
  for (int64_t i = n - 1; i > 0; --i) std::swap(order[size_t(i)], order[size_t(random.below(i + 1))]);
  return order;
}

std::vector<int64_t> share_of(int64_t n, int64_t rank, int64_t count) {
  std::vector<int64_t> out;
  for (int64_t i = n * rank / count; i < n * (rank + 1) / count; ++i) out.push_back(i);
  return out;
}

Tensor stack(const std::vector<Tensor>& parts) {
  const Shape& shape = parts.at(0).shape();
  Tensor out = empty(shape.inserted(0, int64_t(parts.size())), parts[0].dtype());
  char* to = static_cast<char*>(out.raw_write());
  for (const Tensor& x : parts) {
    check(x.shape() == shape && x.dtype() == out.dtype(), "stack: parts differ: ", shape, " and ", x.shape());
    std::memcpy(to, x.raw(), size_t(x.bytes()));
    to += x.bytes();
  }
  return out;
}

Sample prepare(const std::vector<RawSample>& samples, Device device, const Normalisation& normalisation) {
  std::vector<Tensor> images, masks;
  std::vector<PictureChange> changes;
  for (const RawSample& s : samples) images.push_back(s.image), masks.push_back(s.mask), changes.push_back(s.change);
  return {change_photographs(stack(images).to(device), changes, normalisation),
          change_masks(stack(masks).to(device), changes)};
}

std::optional<Sample> next_batch(Loader<RawSample>& loader, int64_t n, Device device,
                                 const Normalisation& normalisation) {
  std::vector<RawSample> samples;
  while (int64_t(samples.size()) < n) {
    std::optional<RawSample> s = loader.next();
    if (!s) break;
    samples.push_back(std::move(*s));
  }
  if (samples.empty()) return {};
  return prepare(samples, device, normalisation);
}

}  // namespace camo::program
