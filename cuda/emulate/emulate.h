// Runs CUDA kernels as plain C++ on the CPU: every thread of a block is a fiber, and threads take turns where
// they wait for each other.
//
// Made to find mistakes, not to be fast (small shapes only).  Blocks run in seeded random order, threads
// between two barriers in another order each time; shared and device memory start as NaN and are closed on
// both sides; barriers that not all threads reach and wrong shuffle masks are reported with kernel, block,
// thread and place.  What is left, a missing barrier or a sum in the order of arrival, shows in the values:
// compare_schedules.
//   CPU time, one core, 256 threads a block, g++ 12 -O2     plain          ASan + UBSan
//   thread-barriers                                         70 million/s   24 million/s
//   a shuffle / a thread without barriers / a launch        17 / 4 / 1000  79 / 13 / 1800 ns
// Kernel words: device.h.  Stacks: fiber.h.  Device memory: memory.h.  The works: block.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include "cuda/emulate/device.h"
#include "cuda/emulate/memory.h"

namespace camo::emulate {

struct Launch {
  const char* kernel;
  dim3 grid, block;
  size_t shared;        // bytes of dynamic shared memory
  void (*call)(void*);  // one thread: call(thread)
  void* thread;
};
void run(const Launch& launch);

/// Calls thread() once for every thread of the grid, on this OS thread, and returns when all have finished.
///   block    a multiple of 32 threads, at most 1024
///   shared   bytes of dynamic shared memory; with the kernel's own arrays at most 227 KB
/// A grid with a 0 runs nothing.  Throws DeviceError when the kernel breaks a rule, and whatever a thread
/// throws; the next launch works.
template <class F> void run(const char* kernel, dim3 grid, dim3 block, size_t shared, F&& thread) {
  using Thread = std::remove_reference_t<F>;
  auto call = [](void* f) { (*static_cast<Thread*>(f))(); };
  run({kernel, grid, block, shared, call, const_cast<void*>(static_cast<const void*>(std::addressof(thread)))});
}

/// The order of blocks and threads in later launches of every OS thread: 0 is the natural one, any other
/// number seeds a random one.  Starts as the environment's CAMO_SCHEDULE.
void set_schedule(uint64_t seed);
uint64_t schedule();

/// Calls f in three orders, each with another poison in fresh memory.  Throws DeviceError with the names of
/// the kernels that f launched unless it returns the same bytes each time: a barrier is missing, memory is
/// read before it is written, or a result depends on the order of arrival.
void compare_schedules(const std::function<std::string()>& f);

}  // namespace camo::emulate
