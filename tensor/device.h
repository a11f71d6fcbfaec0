// Devices, and the one place where a backend is chosen.
//
// A kernel is an overload set: kernel::f(Cpu, ...) and kernel::f(Cuda, ...).  Tensor functions call it through
//   on(x.device(), [&](auto where) { kernel::f(where, x, y); });
// A build without CUDA never instantiates the second overload.  In a build with CUDA, a missing CUDA kernel is a link
// error that names the function.  There is no registry, no virtual class and no macro.
#pragma once

#include <ostream>
#include <string>

#include "tensor/error.h"

namespace camo {

struct Cpu {};
struct Cuda {
  void* stream = nullptr;  // the device's one compute stream
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

/// "cpu", "cuda" (the first GPU) or "cuda:1"; ConfigError for anything else.
Device parse_device(const std::string& text);
/// The number of GPUs that this build can use: 0 without the CUDA backend, without a driver, or without a GPU.
int cuda_device_count();
/// The tag of a GPU, with its stream.  DeviceError if there is no such GPU, or if this build has no kernels for it.
Cuda cuda_tag(int index);
/// Sets the order in which the emulator runs blocks and threads; 0 is the natural order.  Has no effect on a GPU.
void set_cuda_schedule(uint64_t seed);
/// "cpu (AMD EPYC 9654)", "cuda:0 (NVIDIA H200, 139.8 GiB, compute capability 9.0)"
std::string describe(Device device);
/// Waits until the device has finished all work queued so far.  Returns at once for the CPU.
void synchronize(Device device);

/// Calls f with the tag of the device.
template <class F> void on(Device device, F&& f) {
  if (device.kind == Device::cpu) return f(Cpu{});
#ifdef CAMO_CUDA
  return f(cuda_tag(device.index));
#else
  throw DeviceError("this build has no CUDA backend [configure with -DCAMO_CUDA=on]");
#endif
}

}  // namespace camo
