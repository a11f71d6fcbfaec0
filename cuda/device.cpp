// Implements devices and copies for tensor/.  Memory is in gpu/memory.cpp, or emulate/runtime.cpp.
#include "cuda/runtime.h"

namespace camo {

int cuda_device_count() { return cuda::device_count(); }

Cuda cuda_tag(int index) {
  static const int count = cuda::device_count();
  if (index >= count) {
    std::string why;
    cuda::device_count(&why);
    check<DeviceError>(count > 0, "cuda: ", why, " [--device cpu]");
    throw DeviceError(text("cuda: device ", index, " of ", count, " [--device cuda:0 ... cuda:", count - 1, "]"));
  }
  return {cuda::stream(index), index};
}

namespace kernel {

std::string name(Cuda where) {
  const cuda::Facts f = cuda::facts(where.index);
  const double gib = double(f.memory) / double(1 << 30);
  return text(f.name, ", ", int64_t(gib * 10 + 0.5) / 10.0, " GiB, compute capability ", f.major, ".", f.minor);
}
void synchronize(Cuda where) { cuda::synchronize(where); }
void copy(Cuda where, const void* src, void* dst, int64_t bytes) { cuda::copy(where, src, dst, bytes); }
void upload(Cuda where, const void* host, void* dst, int64_t bytes) { cuda::upload(where, host, dst, bytes); }
void download(Cuda where, const void* src, void* host, int64_t bytes) { cuda::download(where, src, host, bytes); }

}  // namespace kernel
}  // namespace camo
