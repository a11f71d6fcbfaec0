// Scratch<T>: temporary device memory for kernels; not initialised.  It may be destroyed before those kernels have run:
// the next owner of the memory comes after them on the same stream.
#pragma once

#include "tensor/memory/allocator.h"

namespace camo::cuda {

inline Device device_of(Cuda where) { return {Device::cuda, int8_t(where.index)}; }

template <class T> class Scratch {
 public:
  Scratch(Cuda where, int64_t count)
      : device_(device_of(where)), data_(static_cast<T*>(allocate(device_, count * int64_t(sizeof(T))))) {}
  ~Scratch() { release(device_, data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  operator T*() const { return data_; }

 private:
  Device device_;
  T* data_;
};

}  // namespace camo::cuda
