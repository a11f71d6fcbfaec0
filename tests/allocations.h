// Counts the memory that the test program takes from operator new and from Camo's allocator.
#pragma once

#include <cstdint>

namespace camo {

/// The peak of bytes in use while f() ran, minus those in use before.
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
