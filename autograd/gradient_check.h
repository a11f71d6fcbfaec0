// For tests of your own ops and layers: compares gradients with finite differences, and measures how far
// two results differ.
//
//   Var x = Var::leaf(randn({3, 4}, /*seed=*/1, DType::f64));
//   test::gradient_error([&] { return gelu(x); }, {x});   // about 1e-10; a wrong gradient: 1e-3 to 1
//
// The gradient of sum(projection * f()) is checked, where projection holds random numbers.  A plain sum would miss,
// for example, a softmax whose backward returns zeros.  Central differences of order 4 with steps of 3e-5 have
// an error of about 1e-10.
// nn/checking/layer_case.h checks everything about a layer at once.
#pragma once

#include <functional>
#include <vector>

#include "autograd/var.h"

namespace camo::test {

/// The largest error of the gradients that backward() gives the leaves, over all their elements.  The error of an
/// element is relative to the largest gradient of its leaf; infinity if a value or a gradient is not finite.
///   f       reads the leaves and returns an f64 Var of any shape; every call must give the same value
///   leaves  f64, on the CPU; their elements are changed and restored; afterwards they hold the gradients of backward()
/// Calls f four times for every element.  Throws DTypeError for other dtypes, GraphError if a leaf gets no gradient.
double gradient_error(const std::function<Var()>& f, const Vars& leaves);
/// The same for a function of inputs, which become leaves.  The inputs are not changed.
double gradient_error(const std::function<Var(const Vars&)>& f, const std::vector<Tensor>& inputs);

/// The larger of two errors; infinity if either is not finite.  (std::max(error, NaN) returns error and
/// would hide the NaN.)
double worse(double a, double b);

/// max |a - b| over all elements; infinity if a difference is not finite.  Any two dtypes.  Throws ShapeError
/// if shapes differ.
double largest_difference(const Tensor& a, const Tensor& b);
double largest_difference(const Tensor& a, const std::vector<double>& b);  // b in row-major order

/// ||a - b|| / ||b||, with ||b|| at least 1e-12; infinity if not finite.  Throws ShapeError if shapes
/// or lengths differ.
double relative_error(const Tensor& a, const Tensor& b);
double relative_error(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace camo::test
