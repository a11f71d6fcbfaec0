// The larger of two errors: what a test gathers its worst with.  std::max(error, NaN) is error, and so passes NaN.
#pragma once

#include <algorithm>
#include <cmath>

namespace camo::test {

/// Infinity where either is not finite.
inline double worse(double a, double b) { return std::isfinite(a) && std::isfinite(b) ? std::max(a, b) : INFINITY; }

}  // namespace camo::test
