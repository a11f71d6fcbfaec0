// Data for the ladders: numbers that are the same in every run, and sums in f64.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tensor/random.h"

namespace camo::ladder {

/// `count` standard normal numbers, each times scale.
inline std::shared_ptr<std::vector<float>> noise(int64_t count, uint64_t seed, float scale = 1) {
  const Tensor x = randn({count}, seed);
  auto out = std::make_shared<std::vector<float>>(x.read<float>(), x.read<float>() + count);
  for (float& v : *out) v *= scale;
  return out;
}
inline std::shared_ptr<std::vector<float>> zeros_of(int64_t count) {
  return std::make_shared<std::vector<float>>(size_t(count), 0.0f);
}

}  // namespace camo::ladder
