// Device memory of the emulation: host memory that tells when a kernel leaves it.
//
//   [guard pages | red zone, the bytes, red zone | guard pages]
//
// The bytes end where the guard begins, as nearly as 16-byte alignment allows, so that a read one past the
// end faults even without a sanitizer; AddressSanitizer also sees the red zones.  Fresh memory holds NaNs;
// freed memory stays closed until 256 MB or 4096 others have been freed after it.  The signal handler and the
// sanitizers' hooks name kernel, block, thread and the allocation.  The system has 65530 mappings for a
// process, 3 go to an allocation.
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
void poison(const void* bytes, size_t count);    // AddressSanitizer reports every access from here on
void unpoison(const void* bytes, size_t count);  // and none any more
#else
inline constexpr bool kAsan = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
#endif

struct MemoryStats {
  int64_t live_bytes = 0, live_count = 0, peak_bytes = 0, total_count = 0;
};

/// Device memory of that many bytes (0 is legal), aligned to 16, filled with poison_byte().  Takes about 13
/// us and 0.5 us a kilobyte with its release.  Throws MemoryError when the system has no more.
void* allocate(int64_t bytes);
/// Takes back what allocate gave; nullptr is legal.  Anything else is a bug: message and abort.
void release(void* bytes) noexcept;
MemoryStats memory_stats();
inline int64_t bytes_in_use() { return memory_stats().live_bytes; }

/// What uninitialised memory holds, device and shared: 0xFF, of which floats are NaN and integers -1.
/// compare_schedules sets another, so that what was never written also differs between two runs.
unsigned char poison_byte();
void set_poison_byte(unsigned char byte);

/// While one lives, a fault of this OS thread is reported with kernel, block and thread before the abort.
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
  bool overflow;  // address lies in the guard of its stack
};
/// The emulated thread that runs on this OS thread; false outside kernels.  Body in emulate.cpp.
bool running_thread(const void* address, RunningThread* out);

}  // namespace camo::emulate
