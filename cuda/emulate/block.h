// Internals of the emulator: the state of the block that one OS thread runs.
//
// A thread that waits or ends picks the next ready thread and switches straight to it.  run_block gets control back
// when no thread is ready.  Readiness is one bit per lane and one bit per warp, so picking a thread is a bit rotation
// and a count of zeros.
// block.cpp has scheduling and barriers, warp.cpp shuffles and votes, shared.cpp shared memory, emulate.cpp the
// public functions.
#pragma once

#include <cstdlib>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cuda/emulate/emulate.h"
#include "cuda/emulate/fiber.h"
#include "tensor/error.h"

namespace camo::emulate {

/// What a thread waits at: a barrier (op and source line) or a collective of its warp.
struct Wait {
  Op op;
  unsigned mask;
  int argument, width;
  Place place;
  uint64_t value, result;
};
bool same_place(const Wait& a, const Wait& b);

struct Thread {
  uint3 index;
  Fiber* fiber;  // null until the thread starts
  Wait wait;
};
struct Warp {  // one bit per lane
  uint32_t ready, done;
  uint32_t waiting, claimed;  // waits at a collective; is in the mask of a lane that waits
};

/// Shared memory of the running block: poisoned slices of one arena with red zones between them.
class SharedMemory {
 public:
  static constexpr size_t kStatic = 48 << 10, kAll = 227 << 10;  // CUDA's limits for a kernel

  /// Empties the arena, except for the dynamic bytes.
  void open(size_t dynamic_bytes);
  void* dynamic() const { return arrays_[0].data; }
  void* find(const void* key) const;
  /// Throws DeviceError (the caller adds the kernel's name) beyond CUDA's limits.
  void* add(const void* key, const char* name, size_t bytes);
  bool holds(const void* p, size_t bytes) const;
  /// Names the bytes after an array that were overwritten, or "".  AddressSanitizer stops such a write itself.
  std::string overrun() const;

 private:
  struct Array {
    const void* key;
    const char* name;
    char* data;
    size_t bytes;
  };
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  void* carve(const void* key, const char* name, size_t bytes);

  std::unique_ptr<char, Free> arena_;
  size_t used_ = 0, static_bytes_ = 0;
  std::vector<Array> arrays_;
};

/// The asynchronous copies of a thread that have not landed.
struct AsyncCopies {
  struct Copy {
    void* to;
    const void* from;  // null: zeros
    int group;         // 0: not committed
  };
  std::vector<Copy> pending = {};
  int groups = 0;
};

struct Block {
  Launch launch{};
  std::vector<Thread> threads;
  Warp warps[32]{};
  uint32_t ready_warps = 0;
  int size = 0, finished = 0;        // numbers of threads
  int current = 0, warp = 0;         // the thread that runs; the warp that continues while it can
  int warp_turn = 0, lane_turn = 0;  // which ready warp and lane are picked first
  bool natural = true;               // natural order; else `random` draws the order
  std::mt19937_64 random;
  int arrived = 0, first_arrived = 0, votes = 0, verdict = 0;  // state of the barrier
  bool mixed = false;                                          // threads wait at different barriers
  std::exception_ptr error;
  SharedMemory shared;
  void (*compute)(void* const* lanes) = nullptr;  // of the call of together() that is made
  std::vector<AsyncCopies> copies;                // of each thread; empty before the first

  Fiber outside;  // the stack of run_block, to return to
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  std::vector<std::string>* names = nullptr;  // names of the kernels launched, when compare_schedules collects them

  uint64_t draw(uint64_t limit) { return natural ? 0 : random() % limit; }
  void make_ready(int w, uint32_t lanes) { warps[w].ready |= lanes, ready_warps |= 1u << w; }
};

extern constinit thread_local Block* now;  // not null while a launch runs

/// Runs the block blockIdx of now->launch.  Rethrows what a thread threw.
void run_block(Block& b);
/// Lets other threads run until the current one is ready and its turn comes.
void give_way(Block& b);
/// Drops the current thread and ends the launch with b.error.
[[noreturn]] void leave(Block& b);

/// Calls f inside a kernel.  If f throws, the stack is dropped without unwinding, because a kernel's
/// frames may be noexcept.
template <class F> auto inside(Block& b, F f) {
  try {
    return f();
  } catch (...) {
    b.error = std::current_exception();
  }
  leave(b);
}

// Parts of messages.
std::string triple(uint3 i);
inline std::string triple(dim3 i) { return triple(uint3{i.x, i.y, i.z}); }
std::string where(const Wait& wait);  // "__syncthreads x.cu:13"

/// The error for a thread that broke a rule.
template <class... Parts> DeviceError broken(const Block& b, int thread, const Parts&... rule_and_facts) {
  return DeviceError(text("kernel '", b.launch.kernel, "': ", rule_and_facts..., ", in block ", triple(blockIdx),
                          ", thread ", triple(b.threads[size_t(thread)].index)));
}

}  // namespace camo::emulate
