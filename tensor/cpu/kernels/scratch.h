// Scratch<T>: temporary memory for a kernel from the caching allocator, freed at the end of the
// scope.  Not initialised.
// Any thread may use it.
#pragma once

#include "tensor/memory/allocator.h"

namespace camo::kernel {

template <class T> class Scratch {
 public:
  explicit Scratch(int64_t count) : data_(static_cast<T*>(allocate(Device{}, count * int64_t(sizeof(T))))) {}
  ~Scratch() { release(Device{}, data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  operator T*() const { return data_; }

 private:
  T* data_;
};

}  // namespace camo::kernel
