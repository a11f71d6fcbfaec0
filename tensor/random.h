// Counter-based random numbers: every number is a pure function of its key and its index, so that a result does
// not depend on thread count, on the order of calls elsewhere, or on what was drawn before.
//
// Philox4x32-10: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
#pragma once

#include <map>
#include <string_view>

#include "tensor/tensor.h"

namespace camo {

/// What a stream of numbers is for; part of the key, so that streams never meet.
enum class Domain : uint32_t { init, dropout, drop_path, shuffle, augment, synth, test, routing };

struct RandomKey {
  uint64_t seed = 0;
  Domain domain = Domain::init;
  uint64_t path = 0;  // hash of the module's path, or an item's index
  uint32_t step = 0;  // micro-step or epoch
  uint32_t call = 0;  // which call within the step
};

/// Four 32-bit words number `index` of the stream `key`.
CAMO_HD inline std::array<uint32_t, 4> philox(const RandomKey& key, uint64_t index) {
  // 64 bits of key: the seed; 128 bits of counter: index (32), path folded with the rest (64), step (32).
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
/// Numbers [first, first + count) of the stream one after another, 4 words each: the same words, several at a time.
void philox(const RandomKey& key, uint64_t first, int64_t count, uint32_t* words);

/// FNV-1a, 64 bit; stable across runs and machines.
uint64_t hash(std::string_view text);

/// A 32-bit word as a float in [0, 1), 24 bits of it.
CAMO_HD inline float uniform(uint32_t word) { return float(word >> 8) * 0x1p-24f; }

/// Numbers one after another from one key, for host code (shuffles, augmentation, synthesis).
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

/// Tensors of uniform [low, high) and of normal numbers (Box-Muller), element i from words of index i / 4.
Tensor rand(const Shape& shape, const RandomKey& key, double low = 0, double high = 1, DType dtype = DType::f32);
Tensor randn(const Shape& shape, const RandomKey& key, double mean = 0, double std = 1, DType dtype = DType::f32);
inline Tensor rand(const Shape& s, uint64_t seed, DType t = DType::f32) {
  return rand(s, RandomKey{.seed = seed, .domain = Domain::test}, 0, 1, t);
}
inline Tensor randn(const Shape& s, uint64_t seed, DType t = DType::f32) {
  return randn(s, RandomKey{.seed = seed, .domain = Domain::test}, 0, 1, t);
}

/// How often each stochastic layer (by path hash) was called in this micro-step, on this thread.  `checkpoint`
/// copies it before a segment and puts it back for the second run, which therefore draws the same numbers.
std::map<uint64_t, uint32_t>& call_counts();

}  // namespace camo
