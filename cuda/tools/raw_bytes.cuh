// Moving numbers without computing: words of 1, 2, 4, 8 or 16 bytes stand for every type.
#pragma once

#include "cuda/tools/launch.cuh"

namespace camo::cuda {

struct alignas(16) Word16 {
  uint64_t half[2];
};

/// Calls f.operator()<W>() for the widest word W whose size divides `bytes`.  To satisfy several lengths and addresses
/// at once, combine them with |.
template <class F> void with_word(int64_t bytes, F&& f) {
  if (bytes % 16 == 0) f.template operator()<Word16>();
  else if (bytes % 8 == 0) f.template operator()<uint64_t>();
  else if (bytes % 4 == 0) f.template operator()<uint32_t>();
  else if (bytes % 2 == 0) f.template operator()<uint16_t>();
  else f.template operator()<uint8_t>();
}
inline int64_t address(const void* p) { return int64_t(reinterpret_cast<uintptr_t>(p)); }

/// A word with all bits set: NaN in every float type, -1 in i64, 255 in u8.
template <class W> CAMO_HD W all_bits() {
  if constexpr (sizeof(W) == 16) return W{{~uint64_t(0), ~uint64_t(0)}};
  else return W(~W(0));
}

}  // namespace camo::cuda
