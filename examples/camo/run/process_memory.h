// Memory of this process.
#pragma once

#include <cstdint>

namespace camo::program {

/// Resident memory in bytes, current and peak; 0 if the system does not tell (/proc/self/status).
int64_t resident_bytes();
int64_t peak_resident_bytes();

}  // namespace camo::program
