// Loads and stores of packs that need not be whole or aligned, so that one kernel handles any length.
//
// Rows of odd length, views that begin anywhere, and tails go element by element.  They give the same numbers in the
// same places as the 16-byte accesses of the common case.
#pragma once

#include "cuda/tools/warp.cuh"

namespace camo::cuda {

/// True if every row of that many elements, with the first at p, begins at an address where a pack may be loaded.
template <class T> bool rows_aligned(const T* p, int64_t row) {
  constexpr int N = kPack<T>;
  return reinterpret_cast<uintptr_t>(p) % alignof(Pack<T, N>) == 0 && row % N == 0;
}

/// N neighbours from x on, of which `left` exist; the rest are zeros.
template <int N, class T> __device__ Pack<T, N> load_pack(const T* x, int64_t left, bool aligned) {
  if (aligned && left >= N) return *reinterpret_cast<const Pack<T, N>*>(x);
  Pack<T, N> out{};
  for (int j = 0; j < N; ++j)
    if (j < left) out.at[j] = x[j];
  return out;
}

template <int N, class T> __device__ void store_pack(const Pack<T, N>& pack, T* y, int64_t left, bool aligned) {
  if (aligned && left >= N) {
    *reinterpret_cast<Pack<T, N>*>(y) = pack;
    return;
  }
  for (int j = 0; j < N; ++j)
    if (j < left) y[j] = pack.at[j];
}

}  // namespace camo::cuda
