// Runs a kernel of an exercise on the CPU, one thread after the other.
#pragma once

#include "cuda/emulate/emulate.h"
#include "examples/exercises/exercise.h"

namespace camo::exercises {

/// Numbers in device memory: fresh ones are NaN, and what lies beyond them is closed.
class DeviceNumbers {
 public:
  explicit DeviceNumbers(int64_t n) : at_(static_cast<float*>(emulate::allocate(n * int64_t(sizeof(float))))) {}
  DeviceNumbers(int64_t n, float (*f)(int64_t)) : DeviceNumbers(n) {
    for (int64_t i = 0; i < n; ++i) at_[i] = f(i);
  }
  ~DeviceNumbers() { emulate::release(at_); }
  DeviceNumbers(const DeviceNumbers&) = delete;
  operator float*() const { return at_; }

 private:
  float* at_;
};

/// Starts kernel(arguments...) with this order of blocks and threads (0: the natural one).
template <class F> void start(unsigned blocks, unsigned threads, uint64_t schedule, const F& kernel) {
  emulate::set_schedule(schedule);
  emulate::run("kernel", dim3(blocks), dim3(threads), 0, kernel);
  emulate::set_schedule(0);
}

}  // namespace camo::exercises
