// GPU memory: one arena per device (tensor/memory/arena.h) over large pieces from the driver.
//
// All work of a device runs on its one stream, so a freed block may be reused at once.
// CAMO_CUDA_POOL=off allocates every tensor separately, because compute-sanitizer checks only the bounds of
// driver allocations.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "cuda/runtime.h"
#include "tensor/memory/arena.h"

namespace camo::kernel {
namespace {

constexpr int64_t kAlign = 256, kPiece = int64_t(64) << 20;

struct DeviceMemory {
  std::mutex mutex;
  Arena arena{cuda::take, kPiece, kAlign};
};

DeviceMemory& memory(Cuda where) {
  static auto* all = new std::array<DeviceMemory, 16>;  // never destroyed: static Tensors may outlive any destructor
  return (*all)[size_t(where.index)];
}

bool pooled() {
  static const bool on = [] {
    const char* e = std::getenv("CAMO_CUDA_POOL");
    return !e || std::string_view(e) != "off";
  }();
  return on;
}

}  // namespace

void* allocate(Cuda where, int64_t bytes) {
  DeviceMemory& m = memory(where);
  std::lock_guard lock(m.mutex);
  void* p = pooled() ? m.arena.allocate(bytes) : cuda::take(std::max<int64_t>(bytes, 1));
  if (!p && pooled() && m.arena.drop_free_pieces(cuda::give_back) > 0) p = m.arena.allocate(bytes);
  const MemoryStats now = m.arena.stats();
  check<MemoryError>(p, "allocate: device cuda:", where.index, " has no further ", bytes, " bytes, ", now.in_use,
                     " in use, ", now.reserved, " reserved, largest free block ", now.largest_free, ", last kernels ",
                     cuda::recent_kernels.text(), " [smaller batch or image size]");
  if (poison()) cuda::poison(where, p, pooled() ? m.arena.size_of(p) : bytes);
  return p;
}

void release(Cuda where, void* p) noexcept {
  if (!pooled()) return cuda::give_back(p);
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
