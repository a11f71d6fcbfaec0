#include "examples/camo/record/process_memory.h"

#include <fstream>
#include <string>

#include "tensor/memory/allocator.h"

namespace camo::program {
namespace {

/// A value of /proc/self/status, which is in KiB there.
int64_t status_bytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + ":")) return std::stoll(line.substr(key.size() + 1)) * 1024;
  return 0;
}

}  // namespace

int64_t resident_bytes() { return status_bytes("VmRSS"); }
int64_t peak_resident_bytes() { return status_bytes("VmHWM"); }
int64_t memory_in_use(Device device) {
  return device.kind == Device::cpu ? resident_bytes() : memory_stats(device).in_use;
}

}  // namespace camo::program
