#include "tensor/memory/allocator.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "tensor/memory/arena.h"
#include "tensor/scalar/integer.h"

namespace camo {
namespace {

constexpr int64_t kAlign = 64, kPiece = int64_t(64) << 20, kHugePage = int64_t(2) << 20;

void* take_from_system(int64_t bytes) {
  void* raw = mmap(nullptr, size_t(bytes + kHugePage), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  void* begin = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(raw) + kHugePage - 1) / kHugePage * kHugePage);
  madvise(begin, size_t(bytes), MADV_HUGEPAGE);  // only advice: a refusal costs speed, not correctness
  return begin;
}

struct HostMemory {
  std::mutex mutex;
  Arena arena{take_from_system, kPiece, kAlign};
};

HostMemory& host() {
  static HostMemory* memory = new HostMemory;  // never destroyed: static Tensors may outlive any destructor
  return *memory;
}

}  // namespace

bool poison() {
  static const bool on = [] {
    const char* e = std::getenv("CAMO_POISON");
    return e && *e == '1';
  }();
  return on;
}

namespace kernel {

void* allocate(Cpu, int64_t bytes) {
  std::lock_guard lock(host().mutex);
  Arena& arena = host().arena;
  void* p = arena.allocate(bytes);
  const MemoryStats now = arena.stats();
  check<MemoryError>(p, "allocate: the system has no further ", bytes, " bytes, ", now.in_use, " in use, ",
                     now.reserved, " reserved, largest free block ", now.largest_free,
                     " [smaller batch or image size]");
  if (poison()) std::fill_n(static_cast<uint16_t*>(p), arena.size_of(p) / 2, kPoison);
  return p;
}

void release(Cpu, void* p) noexcept {
  std::lock_guard lock(host().mutex);
  host().arena.release(p);
}

MemoryStats memory_stats(Cpu) {
  std::lock_guard lock(host().mutex);
  return host().arena.stats();
}

void reset_memory_peak(Cpu) {
  std::lock_guard lock(host().mutex);
  host().arena.reset_peak();
}

}  // namespace kernel

void* allocate(Device device, int64_t bytes) {
  void* p = nullptr;
  on(device, [&](auto where) { p = kernel::allocate(where, bytes); });
  return p;
}

// Does not use on(), which calls the driver: after a failed kernel, or at process exit, the driver refuses every call.
void release(Device device, void* p) noexcept {
  if (device.kind == Device::cpu) return kernel::release(Cpu{}, p);
#ifdef CAMO_CUDA
  kernel::release(Cuda{nullptr, device.index}, p);
#endif
}

MemoryStats memory_stats(Device device) {
  MemoryStats out;
  on(device, [&](auto where) { out = kernel::memory_stats(where); });
  return out;
}

void return_free_memory() {
  const int64_t page = sysconf(_SC_PAGESIZE);
  std::lock_guard lock(host().mutex);
  host().arena.each_free([&](char* block, int64_t bytes) {
    const auto first = reinterpret_cast<intptr_t>(block);
    const int64_t begin = round_up(first, page), end = (first + bytes) / page * page;
    if (end > begin) madvise(reinterpret_cast<void*>(begin), size_t(end - begin), MADV_DONTNEED);
  });
}

void reset_memory_peak(Device device) {
  on(device, [&](auto where) { kernel::reset_memory_peak(where); });
}

}  // namespace camo
