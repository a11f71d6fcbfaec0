// A fiber: a stack that runs until it jumps to another one.  All fibers of a launch share one OS thread.
//
// A jump saves what the calling convention lets the callee destroy nothing of (six registers, the two
// floating-point control words), swaps the stack pointer and returns on the other stack.  swapcontext does
// the same with two system calls, 18 times slower; it serves processors other than x86-64.  AddressSanitizer
// is told of every jump: it must know the bounds of the running stack to unwind it.
//   ns of CPU time per jump, one core of a busy 2-core machine, g++ 12 -O2: 10, under ASan + UBSan 24,
//   swapcontext 180
#pragma once

#include <cstddef>

#if !defined(__x86_64__) || defined(CAMO_FIBER_UCONTEXT)
#define CAMO_FIBER_UCONTEXT 1
#include <ucontext.h>
#endif

namespace camo::emulate {

class Fiber {
 public:
  using Body = void (*)(Fiber&);

  /// The calling OS thread itself: a place to jump from and back to.
  Fiber() = default;
  /// A stack of its own, where body starts at the first jump and never returns.  Throws MemoryError.
  explicit Fiber(Body body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Runs `to`; returns when something jumps back here.  *this is the running fiber.
  void jump(Fiber& to);
  /// Drops all that stands on the stack, without destructors: the next jump starts body again.
  void restart();
  /// Whether address lies in the pages that close the stack.
  bool overflowed(const void* address) const;

 private:
  static void start();
  void arrive();

#ifdef CAMO_FIBER_UCONTEXT
  ucontext_t context_{};
#else
  void* top_ = nullptr;  // stack pointer while another fiber runs
#endif
  Body body_ = nullptr;
  char* map_ = nullptr;           // guard pages, then the stack
  const void* bottom_ = nullptr;  // bounds of the stack, for AddressSanitizer
  size_t size_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's, while another fiber runs
};

}  // namespace camo::emulate
