// One caching allocator per device.  Memory comes from the system in large arenas and is never returned during
// a run: fresh pages cost PyTorch 10-15 % of a CPU step.
//
// Best fit over address-ordered free blocks (tensor/memory/arena.h), every block 64-byte aligned.  A CUDA device has one
// compute stream, so a block freed on the host may be handed out at once: what still runs was started before.
// With CAMO_POISON=1 fresh memory is filled with NaN, so that reading what nobody wrote shows.
#pragma once

#include <cstdint>

#include "tensor/device.h"

namespace camo {

struct MemoryStats {
  int64_t in_use = 0;        // bytes handed out now
  int64_t peak = 0;          // the most ever handed out
  int64_t reserved = 0;      // bytes taken from the system
  int64_t largest_free = 0;  // largest block that is reserved and free
  int64_t allocations = 0;
};

/// Throws MemoryError (wanted, in use, reserved, largest free block) when the system has no more.
void* allocate(Device device, int64_t bytes);
void release(Device device, void* p) noexcept;
MemoryStats memory_stats(Device device = {});
/// Peak starts again from what is in use now.
void reset_memory_peak(Device device = {});

/// CAMO_POISON=1: fresh memory is filled with this, a NaN in every floating type.
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
