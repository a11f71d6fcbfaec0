// Dropout and drop-path.  The mask is a pure function of the key, so the backward pass draws it again.
#pragma once

#include "tensor/random.h"

namespace camo {

/// Also the backward pass: apply it to dy with the same key.
Tensor dropout(const Tensor& x, double p, const RandomKey& key);
Tensor drop_path(const Tensor& x, double p, const RandomKey& key);

}  // namespace camo
