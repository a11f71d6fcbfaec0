#include "tensor/device.h"

#include <charconv>

namespace camo {

Device parse_device(const std::string& text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {Device::cuda, 0};
  const std::string prefix = "cuda:";
  int index = -1;
  const char* end = text.data() + text.size();
  if (text.starts_with(prefix)) {
    auto [stop, error] = std::from_chars(text.data() + prefix.size(), end, index);
    if (error != std::errc() || stop != end) index = -1;
  }
  check<ConfigError>(index >= 0 && index < 127, "device: takes cpu, cuda or cuda:N, got '", text, "'");
  return {Device::cuda, int8_t(index)};
}

#ifndef CAMO_CUDA
int cuda_device_count() { return 0; }
void set_cuda_schedule(uint64_t) {}
#endif

namespace kernel {
void synchronize(Cpu) {}
void synchronize(Cuda where);
}  // namespace kernel

void synchronize(Device device) {
  on(device, [](auto where) { kernel::synchronize(where); });
}

}  // namespace camo
