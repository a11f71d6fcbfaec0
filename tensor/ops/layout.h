// Moving numbers without changing them: permute, concat, slice, pad, flip, cast, expand.  All copy.
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor permute(const Tensor& x, const std::vector<int>& order);  // y axis i is x axis order[i]
Tensor concat(const std::vector<Tensor>& parts, int axis);
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);
/// margins[axis] = {before, after}.
Tensor pad(const Tensor& x, const std::vector<std::pair<int64_t, int64_t>>& margins, double value = 0);
Tensor flip(const Tensor& x, int axis);
/// Any dtype to any other; floats to integers truncate toward zero.
Tensor cast(const Tensor& x, DType to);
Tensor expand(const Tensor& x, const Shape& to);

}  // namespace camo
