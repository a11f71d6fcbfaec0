// Runs CUDA kernels as plain C++ on the CPU: every thread of a block is a fiber, and fibers switch where threads
// wait for each other.
//
// The emulator is made to find bugs, not to be fast (use small shapes).  Blocks run in a seeded random order, and
// threads in a new order after every barrier.  Shared and device memory start as NaN and have guards at both
// ends.  Barriers that not all threads reach, and wrong shuffle masks, are reported with kernel, block, thread
// and source line.  Two bugs show only in the values, a missing barrier and a sum in order of arrival:
// compare_schedules finds those.
//   CPU time, one core, 256 threads per block, g++ 12 -O2           plain           ASan + UBSan
//   thread-barriers                                                 70 million/s    24 million/s
//   a shuffle / a thread without barriers / a launch                17 / 4 / 1000   79 / 13 / 1800 ns
// Read next: device.h (CUDA keywords), fiber.h (stacks), memory.h (device memory), block.h (internals).
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
  void (*call)(void*);  // runs one thread: call(thread)
  void* thread;
};
void run(const Launch& launch);

/// Calls thread() once for every thread of the grid, on this OS thread; returns when all have finished.
///   block    a multiple of 32 threads, at most 1024
///   shared   bytes of dynamic shared memory; with the kernel's own arrays at most 227 KB
/// A grid with a 0 runs nothing.  Throws DeviceError when the kernel breaks a rule, and rethrows what a thread throws;
/// later launches still work.
template <class F> void run(const char* kernel, dim3 grid, dim3 block, size_t shared, F&& thread) {
  using Thread = std::remove_reference_t<F>;
  auto call = [](void* f) { (*static_cast<Thread*>(f))(); };
  run({kernel, grid, block, shared, call, const_cast<void*>(static_cast<const void*>(std::addressof(thread)))});
}

/// Sets the order of blocks and threads in later launches of every OS thread.  0 is the natural order; any other number
/// is the seed of a random one.  The initial value is the environment variable CAMO_SCHEDULE.
void set_schedule(uint64_t seed);
uint64_t schedule();

/// Calls f three times, each with another order and another poison in fresh memory.  Throws DeviceError, naming the
/// kernels that f launched, unless f returns the same bytes each time.  A difference means that a barrier is missing,
/// that memory is read before it is written, or that a result depends on the order of arrival.
void compare_schedules(const std::function<std::string()>& f);

}  // namespace camo::emulate
