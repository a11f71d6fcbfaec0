// For tests of your own ops and layers: gradients against finite differences, and how far two results are apart.
//
//   Var x = Var::leaf(randn({3, 4}, /*seed=*/1, DType::f64));
//   test::gradient_error([&] { return gelu(x); }, {x});   // about 1e-10; a wrong gradient: 1e-3 to 1
//
// The gradient of sum(projection * f()) is compared, where projection holds random numbers: the plain sum would pass a
// softmax whose backward returns zeros.  Central differences of order 4 with steps of 3e-5 leave an error of about 1e-10.
// Layers have a check of everything at once: nn/layer_case.h.
#pragma once

#include <functional>
#include <vector>

#include "autograd/var.h"

namespace camo::test {

/// Largest error of the gradients that backward() gives the leaves, over all their elements.  The error of an element is
/// relative to the largest gradient of its leaf; infinity where a value or a gradient is not finite.
///   f       reads the leaves and returns an f64 Var of any shape; it must give the same value whenever it is called
///   leaves  f64, on the CPU.  Their elements are changed and put back; afterwards they hold the gradients of backward()
/// Runs f four times for every element.  Throws DTypeError for another type, GraphError for a leaf that receives no gradient.
double gradient_error(const std::function<Var()>& f, const Vars& leaves);
/// The same for a function of inputs; each becomes a leaf.  The inputs stay as they are.
double gradient_error(const std::function<Var(const Vars&)>& f, const std::vector<Tensor>& inputs);

/// The larger of two errors; infinity where either is not finite.  (std::max(error, NaN) is error, and passes NaN.)
double worse(double a, double b);

/// max |a - b| over all elements; infinity where a difference is not finite.  Any two types; shapes must agree.
/// Throws ShapeError otherwise.
double largest_difference(const Tensor& a, const Tensor& b);
double largest_difference(const Tensor& a, const std::vector<double>& b);  // b in row-major order

/// ||a - b|| / ||b||, where ||b|| counts as 1e-12 at least; infinity where it is not finite.
/// Throws ShapeError where shapes or lengths differ.
double relative_error(const Tensor& a, const Tensor& b);
double relative_error(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace camo::test
