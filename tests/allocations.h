// What the test program asks of operator new and of Camo's own allocator, counted.
#pragma once

#include <cstdint>

namespace camo {

/// The most bytes ever in use at once while f() ran, beyond those in use before.
template <class F> int64_t peak_bytes(const F& f);

namespace allocations {
void begin();
int64_t end();  // the peak since begin()
}  // namespace allocations

template <class F> int64_t peak_bytes(const F& f) {
  allocations::begin();
  try {
    f();
  } catch (...) {
    allocations::end();
    throw;
  }
  return allocations::end();
}

}  // namespace camo
