// Counter-based random numbers: every number is a pure function of its key and its index.  So a result does not depend
// on the number of threads, on the order of calls elsewhere, or on earlier draws.
//
// Philox4x32-10: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
#pragma once

#include <map>
#include <string_view>

#include "tensor/tensor.h"

namespace camo {

/// The purpose of a stream of numbers.  It is part of the key, so that streams do not overlap.
enum class Domain : uint32_t { init, dropout, drop_path, shuffle, augment, synth, test, routing };

struct RandomKey {
  uint64_t seed = 0;
  Domain domain = Domain::init;
  uint64_t path = 0;  // hash of the module's path, or the index of an item
  uint32_t step = 0;  // micro-step or epoch
  uint32_t call = 0;  // counts the calls within the step
};

/// The four 32-bit words at `index` of the stream `key`.
CAMO_HD inline std::array<uint32_t, 4> philox(const RandomKey& key, uint64_t index) {
  // The 64-bit Philox key is the seed.  The 128-bit counter is: index (32 bits), path mixed with the
  // rest (64), step (32).
  uint64_t path = key.path * 0x9e3779b97f4a7c15ull + (uint64_t(key.domain) << 32 | key.call);
  path ^= index >> 32;
  std::array<uint32_t, 4> c = {uint32_t(index), uint32_t(path), uint32_t(path >> 32), key.step};
  uint32_t k0 = uint32_t(key.seed), k1 = uint32_t(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t a = uint64_t(0xD2511F53u) * c[0], b = uint64_t(0xCD9E8D57u) * c[2];
    c = {uint32_t(b >> 32) ^ c[1] ^ k0, uint32_t(b), uint32_t(a >> 32) ^ c[3] ^ k1, uint32_t(a)};
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return c;
}
/// The words at indices [first, first + count) of the stream, 4 each.  The same words as above, computed with SIMD.
void philox(const RandomKey& key, uint64_t first, int64_t count, uint32_t* words);

/// FNV-1a hash, 64 bits; the same on every run and machine.
uint64_t hash(std::string_view text);

/// Converts a 32-bit word to a float in [0, 1), from its upper 24 bits.
CAMO_HD inline float uniform(uint32_t word) { return float(word >> 8) * 0x1p-24f; }

/// Draws one number after another from one key, for host code (shuffling, augmentation, synthetic data).
class Random {
 public:
  explicit Random(const RandomKey& key) : key_(key) {}
  uint32_t word();
  double uniform() { return word() * 0x1p-32; }  // [0, 1)
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  int64_t below(int64_t n) { return int64_t((uint64_t(word()) * uint64_t(n)) >> 32); }  // [0, n), n < 2^32
  double normal();

 private:
  RandomKey key_;
  uint64_t index_ = 0;
  int used_ = 4;
  std::array<uint32_t, 4> words_{};
};

/// Tensors of uniform numbers in [low, high) and of normal numbers (Box-Muller).  Element i uses the
/// words at index i / 4.
Tensor rand(const Shape& shape, const RandomKey& key, double low = 0, double high = 1, DType dtype = DType::f32);
Tensor randn(const Shape& shape, const RandomKey& key, double mean = 0, double std = 1, DType dtype = DType::f32);
inline Tensor rand(const Shape& s, uint64_t seed, DType t = DType::f32) {
  return rand(s, RandomKey{.seed = seed, .domain = Domain::test}, 0, 1, t);
}
inline Tensor randn(const Shape& s, uint64_t seed, DType t = DType::f32) {
  return randn(s, RandomKey{.seed = seed, .domain = Domain::test}, 0, 1, t);
}

/// How often each stochastic layer (by path hash) was called in this micro-step on this thread.  `checkpoint` saves a
/// copy before a segment and restores it for the second run, which therefore draws the same numbers.
std::map<uint64_t, uint32_t>& call_counts();

}  // namespace camo
