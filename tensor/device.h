// Devices, and the one place where a backend is chosen.
//
// A kernel is an overload set: kernel::f(Cpu, ...) and kernel::f(Cuda, ...).  Tensor functions call it through
//   on(x.device(), [&](auto where) { kernel::f(where, x, y); });
// A build without CUDA never instantiates the second branch; a build with it fails to link, naming the
// function, when a CUDA kernel is missing.  No registry, no virtual class, no macro.
#pragma once

#include <ostream>

#include "tensor/error.h"

namespace camo {

struct Cpu {};
struct Cuda {
  void* stream = nullptr;
  int index = 0;
};

struct Device {
  enum Kind : uint8_t { cpu, cuda } kind = cpu;
  int8_t index = 0;
  bool operator==(const Device&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, Device d) {
  return d.kind == Device::cpu ? out << "cpu" : out << "cuda:" << int(d.index);
}

/// Calls f with the tag of the device.
template <class F>
void on(Device device, F&& f) {
  if (device.kind == Device::cpu) return f(Cpu{});
#ifdef CAMO_CUDA
  return f(cuda_tag(device.index));
#else
  throw DeviceError("this build has no CUDA backend (configure with -DCAMO_CUDA=on)");
#endif
}

}  // namespace camo
