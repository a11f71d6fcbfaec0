// The CUDA runtime on a machine without a GPU: one device, whose memory is host memory with guards around every tensor
// (memory.h).  Work runs when it is launched, so there is nothing to wait for.
#include "cuda/runtime.h"

#include <algorithm>
#include <cstring>

#include "cuda/emulate/emulate.h"
#include "cuda/emulate/memory.h"
#include "tensor/memory/allocator.h"

namespace camo {

void set_cuda_schedule(uint64_t seed) { emulate::set_schedule(seed); }

namespace cuda {

int device_count(std::string*) { return 1; }
Facts facts(int) { return {.name = "emulation", .major = 0, .minor = 0, .multiprocessors = 1, .memory = 0}; }
const char* built_for() { return "emulation"; }
void* stream(int) { return nullptr; }
void synchronize(Cuda) {}
void* second_stream(int) { return nullptr; }
void follow(void*, void*) {}
bool idle(void*) { return true; }

void copy(Cuda, const void* src, void* dst, int64_t bytes) {
  if (bytes) std::memcpy(dst, src, size_t(bytes));
}
void upload(Cuda where, const void* host, void* dst, int64_t bytes) { copy(where, host, dst, bytes); }
void download(Cuda where, const void* src, void* host, int64_t bytes) { copy(where, src, host, bytes); }

}  // namespace cuda

namespace kernel {

namespace {
MemoryStats stats;
}

void* allocate(Cuda, int64_t bytes) {
  void* p = emulate::allocate(bytes);
  stats.in_use = stats.reserved = emulate::bytes_in_use();
  stats.peak = std::max(stats.peak, stats.in_use);
  ++stats.allocations;
  return p;
}

void release(Cuda, void* p) noexcept {
  emulate::release(p);
  stats.in_use = stats.reserved = emulate::bytes_in_use();
}

MemoryStats memory_stats(Cuda) { return stats; }
void reset_memory_peak(Cuda) { stats.peak = stats.in_use; }

}  // namespace kernel
}  // namespace camo
