#include "tensor/random.h"

#include <cmath>
#include <numbers>

#include "tensor/parallel.h"

namespace camo {

uint64_t hash(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (unsigned char c : text) h = (h ^ c) * 0x100000001b3ull;
  return h;
}

uint32_t Random::word() {
  if (used_ == 4) words_ = philox(key_, index_++), used_ = 0;
  return words_[used_++];
}

double Random::normal() {
  double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

namespace {

/// Fills x, four elements from each Philox block: value(words, j) gives element j of the block.
template <class F> Tensor generate(const Shape& shape, const RandomKey& key, DType dtype, const F& value) {
  Tensor x = empty(shape, dtype);
  with_float(dtype, "random", [&]<class T>() {
    T* p = x.write<T>();
    int64_t n = x.numel();
    parallel_chunks((n + 3) / 4, kGrain / 16, [=](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        auto words = philox(key, uint64_t(block));
        for (int64_t j = 0; j < 4 && block * 4 + j < n; ++j) p[block * 4 + j] = T(acc_t<T>(value(words, int(j))));
      }
    });
  });
  return x;
}

}  // namespace

Tensor rand(const Shape& shape, const RandomKey& key, double low, double high, DType dtype) {
  return generate(shape, key, dtype, [=](const auto& w, int j) { return low + (high - low) * double(uniform(w[j])); });
}

Tensor randn(const Shape& shape, const RandomKey& key, double mean, double std, DType dtype) {
  return generate(shape, key, dtype, [=](const auto& w, int j) {
    double radius = std::sqrt(-2 * std::log((w[j & 2] + 1.0) * 0x1p-32));
    double angle = 2 * std::numbers::pi * (w[(j & 2) + 1] * 0x1p-32);
    return mean + std * radius * (j & 1 ? std::sin(angle) : std::cos(angle));
  });
}

std::map<uint64_t, uint32_t>& call_counts() {
  thread_local std::map<uint64_t, uint32_t> counts;
  return counts;
}

}  // namespace camo
