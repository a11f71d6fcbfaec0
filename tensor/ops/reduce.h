// Reductions over any set of axes.  axes == {} means all of them; keep leaves them with length 1.
// Long sums run in fixed chunks added in a fixed tree, so the bits never depend on the thread count.
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor sum(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);  // of nothing: 0
Tensor mean(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor max(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor min(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor variance(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);  // biased
/// Index (i64) of the first largest element along one axis; NaN counts as largest.
Tensor argmax(const Tensor& x, int axis, bool keep = false);
/// False if any element is NaN or infinite.
bool all_finite(const Tensor& x);
/// Sum of squares of all elements in double, fixed tree (gradient norms).
double sum_of_squares(const Tensor& x);

}  // namespace camo
