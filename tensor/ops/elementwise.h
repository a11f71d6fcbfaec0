// Elementwise ops on tensors: unary, binary with numpy's broadcasting, where.
// The functors are in scalar.h; loops in elementwise.cpp; Var functions in autograd/ops.h.
#pragma once

#include "tensor/ops/scalar.h"
#include "tensor/tensor.h"

namespace camo {

/// y = f(x), element by element.
template <class F> Tensor unary(const Tensor& x, F f = {});
/// dx = dy * f.df(x, y).  y may be undefined when F does not need it and x when F needs only y (F::kNeeds).
template <class F> Tensor unary_backward(const Tensor& dy, const Tensor& x, const Tensor& y, F f = {});
/// y = f(a, b) with broadcasting; one dtype.
template <class F> Tensor binary(const Tensor& a, const Tensor& b, F f = {});

inline Tensor add(const Tensor& a, const Tensor& b) { return binary<Add>(a, b); }
inline Tensor sub(const Tensor& a, const Tensor& b) { return binary<Sub>(a, b); }
inline Tensor mul(const Tensor& a, const Tensor& b) { return binary<Mul>(a, b); }
inline Tensor div(const Tensor& a, const Tensor& b) { return binary<Div>(a, b); }
inline Tensor scale(const Tensor& x, double factor, double shift = 0) { return unary(x, Affine{factor, shift}); }
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);

/// y += x, same shape and dtype (the engine's accumulation).
void add_into(Tensor y, const Tensor& x);
/// y[begin : begin + x.dim(0)] += x.
void add_into_rows(Tensor y, int64_t begin, const Tensor& x);
/// Sums x over the axes along which `to` was broadcast: the adjoint of broadcasting.
Tensor sum_to(const Tensor& x, const Shape& to);

}  // namespace camo
