// Small integer tables for kernels, cached on the device because the same ones are needed at every step.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace camo::cuda {

/// The numbers as i64 (n) on the device.  Uploaded at the first call; the last few hundred tables stay there.
Tensor table(Cuda where, std::vector<int64_t> numbers);

}  // namespace camo::cuda
