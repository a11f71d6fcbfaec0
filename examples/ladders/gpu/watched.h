// Numbers that the rungs of the GPU's ladders read: plain, or with every load noted.
//
// A kernel is a template over what it reads.  With a pointer it is the kernel that a GPU runs; with Watched the emulator counts,
// load by load, the sectors of 32 bytes that a warp touches, as if there were no cache.
#pragma once

#include <map>
#include <set>

#include "cuda/tools/tile.cuh"
#include "cuda/tools/warp.cuh"

namespace camo::ladder {

using Four = cuda::Pack<float, 4>;

/// x[i], and the four numbers from x[i] on, i a multiple of 4.
__device__ inline float load(const float* x, int64_t i) { return x[i]; }
__device__ inline Four load_four(const float* x, int64_t i) { return *reinterpret_cast<const Four*>(x + i); }
/// An asynchronous copy of the eight numbers from x[i] on, i a multiple of 8.
__device__ inline void copy_sixteen(bf16* to, const bf16* x, int64_t i) { cuda::copy_async(to, x + i); }

#ifndef __CUDACC__

struct Counts {
  std::map<int64_t, int64_t> loads;                                    // of each thread so far
  std::map<std::pair<int64_t, int64_t>, std::set<uintptr_t>> sectors;  // of a warp's n-th load
  void load(const void* at, int bytes) {
    const int64_t thread = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, n = loads[thread]++;
    for (uintptr_t p = uintptr_t(at); p < uintptr_t(at) + uintptr_t(bytes); p += 2)
      sectors[{thread / 32, n}].insert(p / 32);
  }
};

template <class T> struct Watched {
  const T* x;
  Counts* counts;
};

inline float load(const Watched<float>& x, int64_t i) {
  x.counts->load(x.x + i, 4);
  return x.x[i];
}
inline Four load_four(const Watched<float>& x, int64_t i) {
  x.counts->load(x.x + i, 16);
  return *reinterpret_cast<const Four*>(x.x + i);
}
inline void copy_sixteen(bf16* to, const Watched<bf16>& x, int64_t i) {
  x.counts->load(x.x + i, 16);
  cuda::copy_async(to, x.x + i);
}

#endif

}  // namespace camo::ladder
