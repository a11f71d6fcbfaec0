#include "tensor/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>

namespace camo {
namespace {

constexpr int64_t kAlign = 64, kArena = int64_t(64) << 20, kHugePage = int64_t(2) << 20;

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

bool poison() {
  static const bool on = [] {
    const char* e = std::getenv("CAMO_POISON");
    return e && *e == '1';
  }();
  return on;
}

/// Best-fit arena of host memory.
class CpuArena {
 public:
  void* allocate(int64_t bytes) {
    std::lock_guard lock(mutex_);
    int64_t size = round_up(std::max<int64_t>(bytes, 1), kAlign);
    auto fit = free_.lower_bound({size, nullptr});
    if (fit == free_.end()) fit = grow(size);
    auto [have, begin] = *fit;
    free_.erase(fit);
    if (have > size) {
      blocks_[begin + size] = {have - size, true};
      free_.insert({have - size, begin + size});
    }
    blocks_[begin] = {size, false};
    stats_.in_use += size;
    stats_.peak = std::max(stats_.peak, stats_.in_use);
    ++stats_.allocations;
    if (poison()) std::fill_n(reinterpret_cast<uint16_t*>(begin), size / 2, uint16_t(0x7ff4));
    return begin;
  }

  void release(void* p) noexcept {
    std::lock_guard lock(mutex_);
    auto block = blocks_.find(static_cast<char*>(p));
    block->second.free = true;
    stats_.in_use -= block->second.size;
    auto next = std::next(block);
    if (next != blocks_.end() && next->second.free && block->first + block->second.size == next->first) {
      free_.erase({next->second.size, next->first});
      block->second.size += next->second.size;
      blocks_.erase(next);
    }
    if (block != blocks_.begin()) {
      auto before = std::prev(block);
      if (before->second.free && before->first + before->second.size == block->first) {
        free_.erase({before->second.size, before->first});
        before->second.size += block->second.size;
        blocks_.erase(block);
        block = before;
      }
    }
    free_.insert({block->second.size, block->first});
  }

  MemoryStats stats() {
    std::lock_guard lock(mutex_);
    return stats_;
  }
  void reset_peak() {
    std::lock_guard lock(mutex_);
    stats_.peak = stats_.in_use;
  }

 private:
  struct Block { int64_t size; bool free; };
  using Free = std::set<std::pair<int64_t, char*>>;  // by size, then address: the same choice every run

  Free::iterator grow(int64_t size) {
    int64_t bytes = round_up(std::max(size, kArena), kHugePage);
    void* raw = mmap(nullptr, size_t(bytes + kHugePage), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check<MemoryError>(raw != MAP_FAILED, "allocate: the system has no ", size, " bytes more, ", stats_.in_use,
                       " in use, ", stats_.reserved, " reserved [smaller batch or image size]");
    char* begin = reinterpret_cast<char*>(round_up(reinterpret_cast<int64_t>(raw), kHugePage));
    madvise(begin, size_t(bytes), MADV_HUGEPAGE);  // advice only: a refusal costs speed, not correctness
    stats_.reserved += bytes;
    blocks_[begin] = {bytes, true};
    return free_.insert({bytes, begin}).first;
  }

  std::mutex mutex_;
  std::map<char*, Block> blocks_;
  Free free_;
  MemoryStats stats_;
};

CpuArena& cpu_arena() {
  static CpuArena* arena = new CpuArena;  // outlives every static Tensor
  return *arena;
}

}  // namespace

void* allocate(Device device, int64_t bytes) {
  check<DeviceError>(device.kind == Device::cpu, "allocate: this build has no CUDA backend");
  return cpu_arena().allocate(bytes);
}

void release(Device, void* p) noexcept { cpu_arena().release(p); }
MemoryStats memory_stats(Device) { return cpu_arena().stats(); }
void reset_memory_peak(Device) { cpu_arena().reset_peak(); }

}  // namespace camo
