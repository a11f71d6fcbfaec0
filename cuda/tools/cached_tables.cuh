// Small tables of numbers that kernels read and that are asked for again and again.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace camo::cuda {

/// The numbers on the device, i64 (n).  Uploaded at the first call; the last few hundred tables stay there.
Tensor table(Cuda where, std::vector<int64_t> numbers);

}  // namespace camo::cuda
