// Device memory of the emulator: host memory that detects out-of-bounds accesses.
//
//   [guard pages | red zone, the bytes, red zone | guard pages]
//
// The bytes end as close to the guard as 16-byte alignment allows, so a read past the end faults even without a
// sanitizer; AddressSanitizer also knows the red zones.  Fresh memory holds NaNs.  Freed memory stays inaccessible
// until 256 MB or 4096 allocations have been freed after it.  The signal handler and the sanitizers' hooks report
// kernel, block, thread and allocation.  Each allocation takes 3 mappings; a process may have 65530.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/emulate/device.h"

#if defined(__SANITIZE_ADDRESS__)
#define CAMO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CAMO_ASAN 1
#endif
#endif

namespace camo::emulate {

#ifdef CAMO_ASAN
inline constexpr bool kAsan = true;
void poison(const void* bytes, size_t count);    // AddressSanitizer reports every access from now on
void unpoison(const void* bytes, size_t count);  // ends that
#else
inline constexpr bool kAsan = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
#endif

struct MemoryStats {
  int64_t live_bytes = 0, live_count = 0, peak_bytes = 0, total_count = 0;
};

/// Allocates device memory (0 bytes are legal), aligned to 16 and filled with poison_byte().  Costs about 13 us plus
/// 0.5 us per kilobyte, including its release.  Throws MemoryError when the system has no more.
void* allocate(int64_t bytes);
/// Frees memory from allocate; nullptr is legal.  Anything else is a bug: prints a message and aborts.
void release(void* bytes) noexcept;
MemoryStats memory_stats();
inline int64_t bytes_in_use() { return memory_stats().live_bytes; }

/// The byte that fills uninitialised device and shared memory: 0xFF, which makes floats NaN and integers -1.
/// compare_schedules changes it, so that results that use uninitialised memory differ between runs.
unsigned char poison_byte();
void set_poison_byte(unsigned char byte);

/// While one exists, a fault of this OS thread is reported with kernel, block and thread before the process aborts.
class FaultReports {
 public:
  FaultReports();
  ~FaultReports();
  FaultReports(const FaultReports&) = delete;
  FaultReports& operator=(const FaultReports&) = delete;
};

struct RunningThread {
  const char* kernel;
  uint3 block, thread;
  bool overflow;  // the address lies in the guard of the thread's stack
};
/// Finds the emulated thread that runs on this OS thread; false outside kernels.  Defined in emulate.cpp.
bool running_thread(const void* address, RunningThread* out);

}  // namespace camo::emulate
