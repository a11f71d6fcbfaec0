// Scratch<T>: temporary memory for a kernel from the caching allocator, freed at the end of the scope.  Not initialised.
//
// Any thread may use it.  On a GPU it may be destroyed before the kernels that use it have run: the next owner of the
// memory comes after them on the same stream.
#pragma once

#include "tensor/memory/allocator.h"

namespace camo {

inline Device device_of(Cuda where) { return {Device::cuda, int8_t(where.index)}; }

template <class T> class Scratch {
 public:
  explicit Scratch(int64_t count, Device device = {})
      : device_(device), data_(static_cast<T*>(allocate(device, count * int64_t(sizeof(T))))) {}
  Scratch(Cuda where, int64_t count) : Scratch(count, device_of(where)) {}
  ~Scratch() { release(device_, data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  operator T*() const { return data_; }

 private:
  Device device_;
  T* data_;
};

}  // namespace camo
