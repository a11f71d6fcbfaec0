// Philox for several blocks at a time, for kernels that draw long runs of words.
#include "tensor/random.h"

#include <cstring>

#include "tensor/cpu/vec.h"

namespace camo {

void philox(const RandomKey& key, uint64_t first, int64_t count, uint32_t* words) {
  int64_t i = 0;
  // Each 32-bit word sits in a 64-bit lane, so that products fit; narrower machines lack the multiplication.
  if constexpr (kVecBytes == 64) {
    constexpr int64_t kLanes = kVecBytes / 8;
    typedef uint64_t Lanes __attribute__((vector_size(kVecBytes)));
    Lanes lane;
    for (int64_t l = 0; l < kLanes; ++l) lane[l] = uint64_t(l);
    const uint64_t path = key.path * 0x9e3779b97f4a7c15ull + (uint64_t(key.domain) << 32 | key.call), low = 0xffffffff;
    for (; i + kLanes <= count; i += kLanes) {
      const Lanes index = lane + (first + uint64_t(i)), p = (index >> 32) ^ path;
      Lanes c0 = index & low, c1 = p & low, c2 = p >> 32, c3 = Lanes{} + key.step;
      uint32_t k0 = uint32_t(key.seed), k1 = uint32_t(key.seed >> 32);
      for (int round = 0; round < 10; ++round) {
        const Lanes a = c0 * 0xD2511F53ull, b = c2 * 0xCD9E8D57ull;
        c0 = (b >> 32) ^ c1 ^ uint64_t(k0), c1 = b & low, c2 = (a >> 32) ^ c3 ^ uint64_t(k1), c3 = a & low;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
      }
      const Lanes front = c0 | c1 << 32, back = c2 | c3 << 32;
      uint64_t pairs[kLanes][2];
      for (int l = 0; l < kLanes; ++l) pairs[l][0] = front[l], pairs[l][1] = back[l];
      std::memcpy(words + 4 * i, pairs, sizeof pairs);
    }
  }
  for (; i < count; ++i) {
    const std::array<uint32_t, 4> block = philox(key, first + uint64_t(i));
    std::copy(block.begin(), block.end(), words + 4 * i);
  }
}

}  // namespace camo
