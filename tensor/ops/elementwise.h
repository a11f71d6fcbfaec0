// Elementwise ops on tensors: unary, binary with numpy's broadcasting, where.
// The functors are in tensor/scalar/functors.h, the loops in tensor/cpu/ops/elementwise.cpp and cuda/ops.
#pragma once

#include <tuple>

#include "tensor/scalar/functors.h"
#include "tensor/tensor.h"

namespace camo {

/// y = f(x), element by element.
template <class F> Tensor unary(const Tensor& x, F f = {});
/// dx = dy * f.df(x, y).  y may be undefined when F does not need it and x when F needs only y (F::kNeeds).
template <class F> Tensor unary_backward(const Tensor& dy, const Tensor& x, const Tensor& y, F f = {});
/// y = f(a, b) with broadcasting; one dtype.
template <class F> Tensor binary(const Tensor& a, const Tensor& b, F f = {});
/// Gradient of operand Which (0: a, 1: b), whose shape is `to`: dy times the slope, summed over what was repeated.
/// Of a, b and y only those need be defined that F::kNeedsForA (kNeedsForB) names.
template <int Which, class F>
Tensor binary_backward(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, const Shape& to, F f = {});

inline Tensor add(const Tensor& a, const Tensor& b) { return binary<Add>(a, b); }
inline Tensor sub(const Tensor& a, const Tensor& b) { return binary<Sub>(a, b); }
inline Tensor mul(const Tensor& a, const Tensor& b) { return binary<Mul>(a, b); }
inline Tensor div(const Tensor& a, const Tensor& b) { return binary<Div>(a, b); }
inline Tensor scale(const Tensor& x, double factor, double shift = 0) { return unary(x, Affine{factor, shift}); }
/// mask (u8) != 0 ? a : b; all three broadcast.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);

/// y += x, same shape and dtype (the engine's accumulation).
void add_into(Tensor y, const Tensor& x);
/// y[begin : begin + x.dim(0)] += x.
void add_into_rows(Tensor y, int64_t begin, const Tensor& x);
/// Sums x over the axes along which `to` was broadcast: the adjoint of broadcasting.
Tensor sum_to(const Tensor& x, const Shape& to);

namespace kernel {
template <class F> void unary(Cpu, F f, const Tensor& x, Tensor y);
template <class F> void unary(Cuda, F f, const Tensor& x, Tensor y);
template <class F> void unary_backward(Cpu, F f, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx);
template <class F> void unary_backward(Cuda, F f, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx);
template <class F> void binary(Cpu, F f, const Tensor& a, const Tensor& b, Tensor y);
template <class F> void binary(Cuda, F f, const Tensor& a, const Tensor& b, Tensor y);
/// d = dy * slope, in dy's shape.
template <int Which, class F>
void binary_slope(Cpu, F f, const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, Tensor d);
template <int Which, class F>
void binary_slope(Cuda, F f, const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, Tensor d);
void where(Cpu, const Tensor& mask, const Tensor& a, const Tensor& b, Tensor y);
void where(Cuda, const Tensor& mask, const Tensor& a, const Tensor& b, Tensor y);
void add_into(Cpu, Tensor y, const Tensor& x);
void add_into(Cuda, Tensor y, const Tensor& x);

/// The kernels above for a list of functors.  Taking a function's address makes the compiler emit it; a backend calls
/// these once, where the bodies are, and keeps the tuples for nothing else.
template <class Where, class... F> auto unary_kernels(TypeList<F...>) {
  return std::make_tuple(
      static_cast<void (*)(Where, F, const Tensor&, Tensor)>(unary<F>)...,
      static_cast<void (*)(Where, F, const Tensor&, const Tensor&, const Tensor&, Tensor)>(unary_backward<F>)...);
}
template <class Where, class F>
using SlopeKernel = void (*)(Where, F, const Tensor&, const Tensor&, const Tensor&, const Tensor&, Tensor);
template <class Where, class... F> auto binary_kernels(TypeList<F...>) {
  return std::make_tuple(static_cast<void (*)(Where, F, const Tensor&, const Tensor&, Tensor)>(binary<F>)...,
                         static_cast<SlopeKernel<Where, F>>(binary_slope<0, F>)...,
                         static_cast<SlopeKernel<Where, F>>(binary_slope<1, F>)...);
}
}  // namespace kernel

}  // namespace camo
