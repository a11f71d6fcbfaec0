// The memory of this process.
#pragma once

#include <cstdint>

namespace camo::program {

/// Resident memory in bytes, now and at its peak; 0 where the system does not say (/proc/self/status).
int64_t resident_bytes();
int64_t peak_resident_bytes();

}  // namespace camo::program
