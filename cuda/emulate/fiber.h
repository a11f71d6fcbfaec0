// A fiber: a stack of its own that runs until it switches to another one.  All fibers of a launch share one OS thread.
//
// A switch saves what the calling convention requires a callee to preserve (six registers, two floating-point control
// words), swaps the stack pointer and returns on the other stack.  swapcontext does the same with two system calls and
// is 18 times slower; processors other than x86-64 use it.  AddressSanitizer is told of every switch, because it must
// know the bounds of the running stack to unwind it.
//   CPU time per switch, one core of a busy 2-core machine, g++ 12 -O2: 10 ns; with ASan + UBSan 24 ns;
//   swapcontext 180 ns
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

  /// Stands for the calling OS thread: a stack to switch from and back to.
  Fiber() = default;
  /// A stack of its own; body starts there at the first switch and never returns.  Throws MemoryError.
  explicit Fiber(Body body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Switches to `to`; returns when a fiber switches back here.  *this must be the running fiber.
  void jump(Fiber& to);
  /// Drops everything on the stack without running destructors; the next switch starts body again.
  void restart();
  /// True if the address lies in the guard pages of the stack.
  bool overflowed(const void* address) const;

 private:
  static void start();
  void arrive();

#ifdef CAMO_FIBER_UCONTEXT
  ucontext_t context_{};
#else
  void* top_ = nullptr;  // saved stack pointer while another fiber runs
#endif
  Body body_ = nullptr;
  char* map_ = nullptr;           // guard pages, then the stack
  const void* bottom_ = nullptr;  // bounds of the stack, for AddressSanitizer
  size_t size_ = 0;
  void* fake_stack_ = nullptr;  // AddressSanitizer's fake stack, while another fiber runs
};

}  // namespace camo::emulate
