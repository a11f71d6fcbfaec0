// Memory of this process, and of its device.
#pragma once

#include <cstdint>

#include "tensor/device.h"

namespace camo::program {

/// Resident memory in bytes, current and peak; 0 if the system does not tell (/proc/self/status).
int64_t resident_bytes();
int64_t peak_resident_bytes();
/// What a run occupies: resident bytes of the process on a CPU, bytes of tensors on a GPU.
int64_t memory_in_use(Device device);

}  // namespace camo::program
