// launch(): the only way to start a kernel, on a GPU or in emulation.
//
//   launch(where, "fold_rows", grid, block, shared_bytes, fold_rows<T>, x, y, R, C);
//
// nvcc compiles this as CUDA.  A host compiler compiles the same kernels to run as fibers (cuda/emulate/), where SHARED
// and DYN_SHARED take memory from a poisoned arena.  Arguments are converted to the types of the kernel's parameters.
// A launch returns at once; with CAMO_CUDA_SYNC=1 it waits for the kernel and names one that failed.
// Read next: cuda/tools/warp.cuh, cuda/tools/map.cuh, then any file of cuda/ops.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "cuda/runtime.h"
#include "tensor/device.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>
/// Shared memory of a block: SHARED(float, tile, [32][33]);  the dynamic bytes of the launch: DYN_SHARED(float, row);
#define SHARED(T, name, ...) __shared__ T name __VA_ARGS__
#define DYN_SHARED(T, name)                                      \
  extern __shared__ __align__(16) unsigned char dynamic_bytes[]; \
  T* name = reinterpret_cast<T*>(dynamic_bytes)
/// Goes before a loop over arrays that must stay in registers but that the compiler would not unroll by itself.
#define UNROLL _Pragma("unroll")
#else
#include "cuda/emulate/emulate.h"
#define UNROLL
#endif

namespace camo::cuda {

constexpr int kThreads = 256;  // threads per block, unless a kernel has a reason for another number

/// The number of blocks of `per_block` that cover n items, limited to what a grid may have; kernels loop over the rest.
inline dim3 blocks(int64_t n, int64_t per_block = kThreads) {
  const int64_t wanted = (n + per_block - 1) / per_block, most = 0x7fffffff;
  return dim3(unsigned(wanted < most ? wanted : most));
}

/// This thread's index in a one-dimensional grid, and the number of threads:
///   for (int64_t i = first_item(); i < n; i += item_stride()) ...
// [items]
__device__ inline int64_t first_item() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t item_stride() { return int64_t(gridDim.x) * blockDim.x; }
// [/items]

#ifdef __CUDACC__  // defined in cuda/gpu/runtime.cu
/// Throws DeviceError unless the sizes are legal.
void check_launch(const char* name, dim3 grid, dim3 block, size_t shared);
/// Throws if the launch just made failed; with CAMO_CUDA_SYNC=1, waits for the kernel first.
void after_launch(Cuda where, const char* name, dim3 grid, dim3 block);
/// A block has 48 KB of shared memory, SHARED arrays included; this allows more where a launch wants it.
void allow_shared(const void* kernel, const char* name, size_t shared);
#endif

template <class... P, class... A>
void launch([[maybe_unused]] Cuda where, const char* name, dim3 grid, dim3 block, size_t shared, void (*kernel)(P...),
            A&&... arguments) {
  if (int64_t(grid.x) * grid.y * grid.z == 0) return;  // an empty grid is not an error
  recent_kernels.add(name);
#ifdef __CUDACC__
  check_launch(name, grid, block, shared);
  if (shared > 0) allow_shared(reinterpret_cast<const void*>(kernel), name, shared);
  kernel<<<grid, block, shared, static_cast<cudaStream_t>(where.stream)>>>(P(arguments)...);
  after_launch(where, name, grid, block);
#else
  emulate::run(name, grid, block, shared, [&] { kernel(P(arguments)...); });
#endif
}

}  // namespace camo::cuda
