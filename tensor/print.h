// Prints tensors: shape, dtype, statistics, and the corner entries.
//
//   f32 (2, 3, 4): min -1.9, mean 0.02, max 2.1, 1 NaN
//   [[[ 0.31  -1.2   0.07   0.9 ]
//     ...
#pragma once

#include <ostream>
#include <string>

#include "tensor/tensor.h"

namespace camo {

/// A line of statistics, then the numbers.  Of an axis longer than 2 * edge, only the first and last `edge` entries are
/// printed.  min, mean and max are over the finite numbers, in f64; NaN and infinities are counted.
std::string to_string(const Tensor& x, int edge = 3);
std::ostream& operator<<(std::ostream& out, const Tensor& x);

}  // namespace camo
