// Replaces tensor/memory/allocator.cpp, tensor/parallel.cpp and tensor/threads: every tensor is a separate allocation,
// so that AddressSanitizer sees its bounds, and there is one thread.
#include <cstdlib>

#include "tensor/memory/allocator.h"
#include "tensor/parallel.h"

namespace camo {

void set_threads(int) {}
int threads() { return 1; }
void detail::run_chunks(int64_t chunks, void (*body)(const void*, int64_t), const void* context) {
  for (int64_t i = 0; i < chunks; ++i) body(context, i);
}

bool poison() { return false; }

namespace kernel {

void* allocate(Cpu, int64_t bytes) {
  void* p = nullptr;
  // At least one byte, because 0 bytes have no address; not rounded up, so that the byte after the last
  // is out of bounds.
  check<MemoryError>(posix_memalign(&p, 64, size_t(bytes > 0 ? bytes : 1)) == 0, "allocate: no ", bytes, " bytes");
  return p;
}
void release(Cpu, void* p) noexcept { std::free(p); }
MemoryStats memory_stats(Cpu) { return {}; }
void reset_memory_peak(Cpu) {}

}  // namespace kernel

void* allocate(Device, int64_t bytes) { return kernel::allocate(Cpu{}, bytes); }
void release(Device, void* p) noexcept { kernel::release(Cpu{}, p); }

}  // namespace camo
