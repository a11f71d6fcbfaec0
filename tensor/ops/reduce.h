// Reductions over any set of axes.  axes == {} means all axes; keep leaves reduced axes with length 1.
// Long sums run in fixed chunks that are added as a fixed tree, so the bits do not depend on the number of threads.
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor sum(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);  // the sum of no elements is 0
Tensor mean(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor max(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor min(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);
Tensor variance(const Tensor& x, const std::vector<int>& axes = {}, bool keep = false);  // biased
/// Index (i64) of the first largest element along one axis; NaN counts as largest.
Tensor argmax(const Tensor& x, int axis, bool keep = false);
/// False if any element is NaN or infinite.
bool all_finite(const Tensor& x);
/// Sum of squares of all elements in double, as a fixed tree; for gradient norms.
double sum_of_squares(const Tensor& x);
/// The same for each of many tensors on one device, which is waited for only once.
std::vector<double> sums_of_squares(const std::vector<Tensor>& x);

/// The shape of x with the given axes set to 1 or removed; checks that the axes exist and differ.
Shape reduced_shape(const Shape& x, const std::vector<int>& axes, bool keep, const char* op);
/// Adjoint of sum: every element of shape `to` gets factor times the gradient of its sum; dy must broadcast to `to`.
Tensor spread(const Tensor& dy, const Shape& to, double factor = 1);
/// Adjoint of max and min: dy goes to the first element of x that equals y; y and dy have reduced axes of length 1.
Tensor extreme_backward(const Tensor& dy, const Tensor& x, const Tensor& y);
/// dx = dy 2/n (x - mean), with n elements per mean (in acc_dtype); dy and mean have reduced axes of length 1.
Tensor variance_backward(const Tensor& dy, const Tensor& x, const Tensor& mean);
/// The mean in acc_dtype, unrounded, with reduced axes of length 1.
Tensor mean_kept(const Tensor& x, const std::vector<int>& axes);

namespace kernel {
enum class Fold { sum, max, min };
/// Reduces x (K, R, C), of any number type, over R to y (K, C) in acc_dtype.
void fold(Cpu, Fold op, const Tensor& x, Tensor y);
void fold(Cuda, Fold op, const Tensor& x, Tensor y);
/// y = factor x, with conversion from acc_dtype if needed; x is broadcast to the shape of y.
void spread(Cpu, const Tensor& x, double factor, Tensor y);
void spread(Cuda, const Tensor& x, double factor, Tensor y);
/// y = (x - mean)^2, y and mean in acc_dtype.
void squared_distance(Cpu, const Tensor& x, const Tensor& mean, Tensor y);
void squared_distance(Cuda, const Tensor& x, const Tensor& mean, Tensor y);
void variance_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& mean, double factor, Tensor dx);
void variance_backward(Cuda, const Tensor& dy, const Tensor& x, const Tensor& mean, double factor, Tensor dx);
void extreme_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx);
void extreme_backward(Cuda, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx);
/// x (K, R, C) -> y (K, C).
void argmax(Cpu, const Tensor& x, Tensor y);
void argmax(Cuda, const Tensor& x, Tensor y);
void all_finite(Cpu, const Tensor& x, bool& finite);
void all_finite(Cuda, const Tensor& x, bool& finite);
void sums_of_squares(Cpu, const std::vector<Tensor>& x, double* sums);
void sums_of_squares(Cuda, const std::vector<Tensor>& x, double* sums);
}  // namespace kernel

}  // namespace camo
