// One caching allocator per device.  Memory comes from the system in large arenas and is never returned during
// a run: fresh pages cost PyTorch 10-15 % of a CPU step in page faults.
//
// Best fit over address-ordered free blocks, neighbours merged when freed, every block 64-byte aligned.
// With CAMO_POISON=1 fresh memory is filled with NaN, so that reading what nobody wrote shows.
#pragma once

#include <cstdint>

#include "tensor/device.h"

namespace camo {

struct MemoryStats {
  int64_t in_use = 0;     // bytes handed out now
  int64_t peak = 0;       // the most ever handed out
  int64_t reserved = 0;   // bytes taken from the system
  int64_t allocations = 0;
};

/// Throws MemoryError (wanted, in use, reserved) when the system has no more.
void* allocate(Device device, int64_t bytes);
void release(Device device, void* p) noexcept;
MemoryStats memory_stats(Device device = {});
/// Peak starts again from what is in use now.
void reset_memory_peak(Device device = {});

}  // namespace camo
