#include "cuda/emulate/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#include "cuda/emulate/memory.h"
#include "tensor/error.h"

#ifdef CAMO_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

namespace camo::emulate {
namespace {

constexpr size_t kGuard = 64 << 10, kStack = (kAsan ? 256 : 64) << 10;  // red zones around locals take space
constinit thread_local Fiber *running = nullptr, *came_from = nullptr;

}  // namespace

#ifndef CAMO_FIBER_UCONTEXT
// camo_fiber_swap(save, to) pushes the callee-saved registers, stores the stack pointer in *save, loads it from
// `to` and pops the registers.  A new stack is laid out as if it had called this function from the first
// instruction of Fiber::start.
extern "C" void camo_fiber_swap(void** save, void* to);
asm(R"(
.pushsection .text
.globl camo_fiber_swap
.hidden camo_fiber_swap
.type camo_fiber_swap, @function
camo_fiber_swap:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  subq $8, %rsp
  stmxcsr (%rsp)
  fnstcw 4(%rsp)
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  ldmxcsr (%rsp)
  fldcw 4(%rsp)
  addq $8, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size camo_fiber_swap, .-camo_fiber_swap
.popsection
)");
#endif

Fiber::Fiber(Body body) : body_(body) {
  static thread_local unsigned count = 0;
  const size_t mapped = kGuard + kStack;
  void* map = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check<MemoryError>(map != MAP_FAILED && ::mprotect(map, kGuard, PROT_NONE) == 0,
                     "emulation: no memory for the stack of a thread, asked for ", mapped, " bytes");
  map_ = static_cast<char*>(map);
  bottom_ = map_ + kGuard;
  size_ = kStack - 64 * (count++ % 32);  // equal page offsets would share few cache lines
  restart();
}

Fiber::~Fiber() {
  if (!map_) return;
  unpoison(bottom_, kStack);
  ::munmap(map_, kGuard + kStack);
}

void Fiber::restart() {
  unpoison(bottom_, kStack);
  fake_stack_ = nullptr;
#ifdef CAMO_FIBER_UCONTEXT
  ::getcontext(&context_);
  context_.uc_stack.ss_sp = const_cast<void*>(bottom_);
  context_.uc_stack.ss_size = size_;
  context_.uc_link = nullptr;
  ::makecontext(&context_, &Fiber::start, 0);
#else
  auto** top = reinterpret_cast<void**>(map_ + kGuard + size_);
  *--top = nullptr;  // return address of start; the stack is at 8 mod 16, as after a call
  *--top = reinterpret_cast<void*>(&Fiber::start);
  for (int i = 0; i < 6; ++i) *--top = nullptr;  // rbp, rbx, r12 to r15
  uint32_t sse;
  uint16_t x87;
  asm volatile("stmxcsr %0\n fnstcw %1" : "=m"(sse), "=m"(x87));
  *--top = reinterpret_cast<void*>(uintptr_t(sse) | uintptr_t(x87) << 32);
  top_ = top;
#endif
}

bool Fiber::overflowed(const void* address) const { return map_ && address >= map_ && address < map_ + kGuard; }

void Fiber::jump(Fiber& to) {
  came_from = this, running = &to;
#ifdef CAMO_ASAN
  __sanitizer_start_switch_fiber(&fake_stack_, to.bottom_, to.size_);
#endif
#ifdef CAMO_FIBER_UCONTEXT
  ::swapcontext(&context_, &to.context_);
#else
  camo_fiber_swap(&top_, to.top_);
#endif
  arrive();
}

/// First step on a stack: tells AddressSanitizer about the switch.  This also gets the bounds of the previous stack,
/// which the OS thread's own fiber cannot find out otherwise.
void Fiber::arrive() {
#ifdef CAMO_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &came_from->bottom_, &came_from->size_);
#endif
}

void Fiber::start() {
  Fiber& self = *running;
  self.arrive();
  self.body_(self);
  std::abort();
}

}  // namespace camo::emulate
