// launch(): the only way to start a kernel, on a GPU or in emulation.
//
//   launch(where, "fold_rows", grid, block, shared_bytes, fold_rows<T>, x, y, R, C);
//
// Compiled by nvcc this is CUDA; compiled by a host compiler, the same kernels run as fibers (cuda/emulate/), and
// SHARED and DYN_SHARED take shared memory from a poisoned arena.  A kernel's arguments are converted to the types of
// its parameters.  A launch returns at once; CAMO_CUDA_SYNC=1 waits after each and names the kernel that failed.
// Next: cuda/tools/warp.cuh, cuda/tools/map.cuh, then any file of cuda/ops.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "cuda/runtime.h"
#include "tensor/device.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>
/// Shared memory of a block:  SHARED(float, tile, [32][33]);  and the launch's dynamic bytes:  DYN_SHARED(float, row);
#define SHARED(T, name, ...) __shared__ T name __VA_ARGS__
#define DYN_SHARED(T, name)                                      \
  extern __shared__ __align__(16) unsigned char dynamic_bytes[]; \
  T* name = reinterpret_cast<T*>(dynamic_bytes)
/// Before a loop over arrays that must stay in registers, where the compiler would not unroll it by itself.
#define UNROLL _Pragma("unroll")
#else
#include "cuda/emulate/emulate.h"
#define UNROLL
#endif

namespace camo::cuda {

constexpr int kThreads = 256;  // of a block, where a kernel has no reason for another number

/// Blocks of `per_block` that cover n items, never more than a grid may have: kernels stride over the rest.
inline dim3 blocks(int64_t n, int64_t per_block = kThreads) {
  const int64_t wanted = (n + per_block - 1) / per_block, most = 0x7fffffff;
  return dim3(unsigned(wanted < most ? wanted : most));
}

/// This thread's number in a one-dimensional grid, and how many there are:
///   for (int64_t i = first_item(); i < n; i += item_stride()) ...
__device__ inline int64_t first_item() { return int64_t(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t item_stride() { return int64_t(gridDim.x) * blockDim.x; }

#ifdef __CUDACC__  // in cuda/gpu/runtime.cu
/// DeviceError unless the sizes are legal.
void check_launch(const char* name, dim3 grid, dim3 block, size_t shared);
/// Throws what the CUDA runtime says about the launch just made; waits for the kernel under CAMO_CUDA_SYNC=1.
void after_launch(Cuda where, const char* name, dim3 grid, dim3 block);
/// A block's shared memory, SHARED arrays included, is 48 KB unless more is asked for.
void allow_shared(const void* kernel, const char* name, size_t shared);
#endif

template <class... P, class... A>
void launch([[maybe_unused]] Cuda where, const char* name, dim3 grid, dim3 block, size_t shared, void (*kernel)(P...),
            A&&... arguments) {
  if (int64_t(grid.x) * grid.y * grid.z == 0) return;  // nothing to do is no error
  last_kernel = name;
#ifdef __CUDACC__
  check_launch(name, grid, block, shared);
  if (shared > 32 * 1024) allow_shared(reinterpret_cast<const void*>(kernel), name, shared);
  kernel<<<grid, block, shared, static_cast<cudaStream_t>(where.stream)>>>(P(arguments)...);
  after_launch(where, name, grid, block);
#else
  emulate::run(name, grid, block, shared, [&] { kernel(P(arguments)...); });
#endif
}

}  // namespace camo::cuda
