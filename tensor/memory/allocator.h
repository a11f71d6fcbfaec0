// One caching allocator per device.  It takes memory from the system in large arenas and returns none unless it is asked to:
// fresh pages cost PyTorch 10-15 % of a CPU step.
//
// It picks the best fit among free blocks (tensor/memory/arena.h); every block is 64-byte aligned.  A CUDA device has
// one compute stream, so a freed block may be reused at once: kernels that still read it were launched earlier.
// With CAMO_POISON=1 new blocks are filled with NaN, so that a read of uninitialised memory shows.
#pragma once

#include <cstdint>

#include "tensor/device.h"

namespace camo {

struct MemoryStats {
  int64_t in_use = 0;        // bytes in use now
  int64_t peak = 0;          // largest value of in_use so far
  int64_t reserved = 0;      // bytes taken from the system
  int64_t largest_free = 0;  // size of the largest free block
  int64_t allocations = 0;
};

/// Throws MemoryError (with bytes wanted, in use, reserved, and the largest free block) when the system has no more.
void* allocate(Device device, int64_t bytes);
void release(Device device, void* p) noexcept;
MemoryStats memory_stats(Device device = {});
/// Sets the peak to the bytes in use now.
void reset_memory_peak(Device device = {});
/// Gives the pages of the host's free blocks back to the system, which hands them out again, zeroed, when they are
/// used.  For a program that has ended a large task and goes on with a smaller one.
void return_free_memory();

/// True if CAMO_POISON=1.  New blocks are then filled with kPoison, a NaN in every floating type.
bool poison();
constexpr uint16_t kPoison = 0x7ff4;

namespace kernel {
void* allocate(Cpu, int64_t bytes);
void* allocate(Cuda, int64_t bytes);
void release(Cpu, void* p) noexcept;
void release(Cuda, void* p) noexcept;
MemoryStats memory_stats(Cpu);
MemoryStats memory_stats(Cuda);
void reset_memory_peak(Cpu);
void reset_memory_peak(Cuda);
}  // namespace kernel

}  // namespace camo
