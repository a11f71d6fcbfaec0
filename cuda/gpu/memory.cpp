// Memory of a GPU: one arena a device (tensor/arena.h) over large pieces from the driver.
//
// All work of a device runs on its one stream, so a block that was freed may be handed out at once.
#include <array>
#include <mutex>

#include "cuda/runtime.h"
#include "tensor/arena.h"

namespace camo::kernel {
namespace {

constexpr int64_t kAlign = 256, kPiece = int64_t(64) << 20;

struct DeviceMemory {
  std::mutex mutex;
  Arena arena{cuda::take, kPiece, kAlign};
};

DeviceMemory& memory(Cuda where) {
  static auto* all = new std::array<DeviceMemory, 16>;  // outlives every static Tensor
  return (*all)[size_t(where.index)];
}

}  // namespace

void* allocate(Cuda where, int64_t bytes) {
  DeviceMemory& m = memory(where);
  std::lock_guard lock(m.mutex);
  void* p = m.arena.allocate(bytes);
  const MemoryStats now = m.arena.stats();
  check<MemoryError>(p, "allocate: device cuda:", where.index, " has no ", bytes, " bytes more, ", now.in_use, " in use, ",
                     now.reserved, " reserved, largest free block ", now.largest_free, ", last kernel '", cuda::last_kernel,
                     "' [smaller batch or image size]");
  if (poison()) cuda::poison(where, p, m.arena.size_of(p));
  return p;
}

void release(Cuda where, void* p) noexcept {
  std::lock_guard lock(memory(where).mutex);
  memory(where).arena.release(p);
}

MemoryStats memory_stats(Cuda where) {
  std::lock_guard lock(memory(where).mutex);
  return memory(where).arena.stats();
}

void reset_memory_peak(Cuda where) {
  std::lock_guard lock(memory(where).mutex);
  memory(where).arena.reset_peak();
}

}  // namespace camo::kernel
