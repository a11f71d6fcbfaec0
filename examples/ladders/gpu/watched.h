// Numbers that the rungs of the GPU's ladders read: plain, or with every load noted.
//
// A kernel is a template over what it reads.  With a pointer it is the kernel that a GPU runs; with Watched the emulator counts, load by load, the
// sectors of 32 bytes that a warp touches, as if there were no cache.
#pragma once

#include <map>
#include <set>

#include "cuda/tools/warp.cuh"

namespace camo::ladder {

using Four = cuda::Pack<float, 4>;

struct Counts {
  std::map<int64_t, int64_t> loads;                                    // of each thread so far
  std::map<std::pair<int64_t, int64_t>, std::set<uintptr_t>> sectors;  // of a warp's n-th load
  void load(const float* at, int numbers) {
    const int64_t thread = int64_t(blockIdx.x) * blockDim.x + threadIdx.x, n = loads[thread]++;
    auto& touched = sectors[{thread / 32, n}];
    for (int i = 0; i < numbers; ++i) touched.insert(uintptr_t(at + i) / 32);
  }
};

struct Watched {
  const float* x;
  Counts* counts;
  Watched operator+(int64_t i) const { return {x + i, counts}; }
};

/// x[i], and the four numbers from x[i] on, i a multiple of 4.
__device__ inline float load(const float* x, int64_t i) { return x[i]; }
__device__ inline Four load_four(const float* x, int64_t i) { return *reinterpret_cast<const Four*>(x + i); }
inline float load(const Watched& x, int64_t i) {
  x.counts->load(x.x + i, 1);
  return x.x[i];
}
inline Four load_four(const Watched& x, int64_t i) {
  x.counts->load(x.x + i, 4);
  return *reinterpret_cast<const Four*>(x.x + i);
}

}  // namespace camo::ladder
