#include "tests/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "tensor/memory/allocator.h"

namespace {

std::atomic<bool> g_counting = false;
std::atomic<int64_t> g_now = 0, g_peak = 0;  // since begin(); freeing older memory makes g_now negative
int64_t g_tensors_before = 0;

void count(int64_t bytes) {
  const int64_t now = g_now += bytes;
  for (int64_t peak = g_peak; now > peak && !g_peak.compare_exchange_weak(peak, now);) {}
}

}  // namespace

void* operator new(size_t n, const std::nothrow_t&) noexcept {
  void* p = std::malloc(n ? n : 1);
  if (p && g_counting.load(std::memory_order_relaxed)) count(int64_t(malloc_usable_size(p)));
  return p;
}
void* operator new(size_t n) {
  if (void* p = operator new(n, std::nothrow)) return p;
  throw std::bad_alloc();
}
void* operator new[](size_t n) { return operator new(n); }
void* operator new[](size_t n, const std::nothrow_t&) noexcept { return operator new(n, std::nothrow); }
void operator delete(void* p) noexcept {
  if (p && g_counting.load(std::memory_order_relaxed)) count(-int64_t(malloc_usable_size(p)));
  std::free(p);
}
void operator delete[](void* p) noexcept { operator delete(p); }
void operator delete(void* p, size_t) noexcept { operator delete(p); }
void operator delete[](void* p, size_t) noexcept { operator delete(p); }

namespace camo::allocations {

void begin() {
  reset_memory_peak();
  g_tensors_before = memory_stats().in_use;
  g_now = 0, g_peak = 0, g_counting = true;
}

int64_t end() {
  g_counting = false;
  return g_peak + memory_stats().peak - g_tensors_before;
}

}  // namespace camo::allocations
