// Inside the emulation: the block of one OS thread at work.
//
// A thread that waits or ends picks the next ready one and jumps straight to it; run_block gets control back
// when no thread is ready.  Who is ready is one bit a lane and one bit a warp, so that picking is a rotation
// and a count of zeros.  block.cpp has the turns and the barrier, warp.cpp the shuffles and votes, shared.cpp
// the shared memory, emulate.cpp what is called from outside.
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

/// What a thread waits at: a barrier (op and place) or a collective of its warp.
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
  Fiber* fiber;  // null until it starts
  Wait wait;
};
struct Warp {  // one bit a lane
  uint32_t ready, done;
  uint32_t waiting, claimed;  // waits at a collective; named by the mask of one that waits
};

/// Shared memory of the running block: poisoned slices of one arena, red zones between them.
class SharedMemory {
 public:
  static constexpr size_t kStatic = 48 << 10, kAll = 227 << 10;  // what a kernel may have

  /// Empty again but for the dynamic bytes.
  void open(size_t dynamic_bytes);
  void* dynamic() const { return arrays_[0].data; }
  void* find(const void* key) const;
  /// DeviceError, without its kernel, where CUDA has not so much.
  void* add(const void* key, const char* name, size_t bytes);
  /// "" or which bytes after an array were written.  AddressSanitizer would have stopped the write itself.
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

struct Block {
  Launch launch{};
  std::vector<Thread> threads;
  Warp warps[32]{};
  uint32_t ready_warps = 0;
  int size = 0, finished = 0;        // threads
  int current = 0, warp = 0;         // the thread that runs; the warp that goes on while it can
  int warp_turn = 0, lane_turn = 0;  // who goes first among the ready
  bool natural = true;               // the order is; else `random` draws it
  std::mt19937_64 random;
  int arrived = 0, first_arrived = 0, votes = 0, verdict = 0;  // of the barrier
  bool mixed = false;                                          // its threads wait at different places
  std::exception_ptr error;
  SharedMemory shared;

  Fiber outside;  // where run_block waits
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<Fiber*> idle;
  std::vector<std::string>* names = nullptr;  // of the kernels launched, while compare_schedules wants them

  uint64_t draw(uint64_t limit) { return natural ? 0 : random() % limit; }
  void make_ready(int w, uint32_t lanes) { warps[w].ready |= lanes, ready_warps |= 1u << w; }
};

extern constinit thread_local Block* now;  // while a launch runs

/// Runs the block blockIdx of now->launch.  Throws what went wrong in it.
void run_block(Block& b);
/// Lets others run until somebody makes the current thread ready and its turn comes.
void give_way(Block& b);
/// Drops the current thread and ends the launch with b.error.
[[noreturn]] void leave(Block& b);

/// Calls f inside a kernel.  When it throws, the stack is dropped, not unwound: a kernel's frames may be
/// noexcept.
template <class F> auto inside(Block& b, F f) {
  try {
    return f();
  } catch (...) {
    b.error = std::current_exception();
  }
  leave(b);
}

// Words of messages.
std::string triple(uint3 i);
inline std::string triple(dim3 i) { return triple(uint3{i.x, i.y, i.z}); }
std::string where(const Wait& wait);  // "__syncthreads x.cu:13"

/// What a thread did wrong.
template <class... Parts> DeviceError broken(const Block& b, int thread, const Parts&... rule_and_facts) {
  return DeviceError(text("kernel '", b.launch.kernel, "': ", rule_and_facts..., ", in block ", triple(blockIdx),
                          ", thread ", triple(b.threads[size_t(thread)].index)));
}

}  // namespace camo::emulate
