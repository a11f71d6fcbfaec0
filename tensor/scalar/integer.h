// Integer division and rounding, upward; b > 0, a >= 0.
#pragma once

#include <cstdint>

#include "tensor/hd.h"

namespace camo {

CAMO_HD constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
/// a rounded up to a multiple of b.
CAMO_HD constexpr int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

}  // namespace camo
