#include "tensor/device.h"

#include <algorithm>
#include <charconv>
#include <fstream>

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
/// The processor's name as Linux states it; "" elsewhere.
std::string name(Cpu) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  return "";
}
std::string name(Cuda where);
}  // namespace kernel

std::string describe(Device device) {
  std::string name;
  on(device, [&](auto where) { name = kernel::name(where); });
  return name.empty() ? text(device) : text(device, " (", name, ")");
}

void synchronize(Device device) {
  on(device, [](auto where) { kernel::synchronize(where); });
}

}  // namespace camo
