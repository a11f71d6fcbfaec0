// Elementwise ops: unary, binary with numpy's broadcasting, where.  The functions and operators below take a Tensor or
// a Var; each is one functor of tensor/scalar/functors.h.
// Kernels: tensor/cpu/ops/elementwise.cpp, cuda/ops/elementwise.cu.  Gradients: autograd/ops/elementwise.cpp.
#pragma once

#include <tuple>

#include "tensor/scalar/functors.h"
#include "tensor/tensor.h"

namespace camo {

/// y = f(x), element by element.
template <class F> Tensor unary(const Tensor& x, F f = {});
/// dx = dy * f.df(x, y).  x and y may be undefined if F::kNeeds says that df does not read them.
template <class F> Tensor unary_backward(const Tensor& dy, const Tensor& x, const Tensor& y, F f = {});
/// y = f(a, b) with broadcasting; a and b have one dtype.
template <class F> Tensor binary(const Tensor& a, const Tensor& b, F f = {});
/// The gradient of operand Which (0: a, 1: b) of shape `to`: dy times the derivative, summed over broadcast axes.
/// Of a, b and y, only those that F::kNeedsForA (kNeedsForB) names must be defined.
template <int Which, class F>
Tensor binary_backward(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, const Shape& to, F f = {});

/// True for the types that the functions below take and return: Tensor, and Var in autograd/ops.h.  Such a type has its
/// own unary<F>(x) and binary<F>(a, b).
template <class X> inline constexpr bool is_numeric = false;
template <> inline constexpr bool is_numeric<Tensor> = true;
template <class X>
concept Numeric = is_numeric<X>;

// ---- every elementwise function ---------------------------------------------------------------------------

template <Numeric X> X neg(const X& x) { return unary<Neg>(x); }
template <Numeric X> X abs(const X& x) { return unary<Abs>(x); }  // gradient 0 at 0
template <Numeric X> X exp(const X& x) { return unary<Exp>(x); }
template <Numeric X> X log(const X& x) { return unary<Log>(x); }
template <Numeric X> X sqrt(const X& x) { return unary<Sqrt>(x); }
template <Numeric X> X rsqrt(const X& x) { return unary<Rsqrt>(x); }
template <Numeric X> X reciprocal(const X& x) { return unary<Reciprocal>(x); }
template <Numeric X> X sigmoid(const X& x) { return unary<Sigmoid>(x); }
template <Numeric X> X tanh(const X& x) { return unary<Tanh>(x); }
template <Numeric X> X relu(const X& x) { return unary<Relu>(x); }
template <Numeric X> X relu6(const X& x) { return unary<Relu6>(x); }        // min(relu(x), 6)
template <Numeric X> X gelu(const X& x) { return unary<Gelu>(x); }          // x Phi(x), exact erf form
template <Numeric X> X silu(const X& x) { return unary<Silu>(x); }          // x sigmoid(x)
template <Numeric X> X softplus(const X& x) { return unary<Softplus>(x); }  // log(1 + e^x), no overflow
template <Numeric X> X square(const X& x) { return unary<Square>(x); }
template <Numeric X> X clamp(const X& x, double low, double high) {
  return unary(x, Clamp{low, high});
}  // gradient 0 outside
/// x * factor + shift as one op.
template <Numeric X> X scale(const X& x, double factor, double shift = 0) { return unary(x, Affine{factor, shift}); }

// These broadcast as in numpy; a gradient is summed back to the shape of its operand.
template <Numeric X> X add(const X& a, const X& b) { return binary<Add>(a, b); }
template <Numeric X> X sub(const X& a, const X& b) { return binary<Sub>(a, b); }
template <Numeric X> X mul(const X& a, const X& b) { return binary<Mul>(a, b); }
template <Numeric X> X div(const X& a, const X& b) { return binary<Div>(a, b); }
template <Numeric X> X maximum(const X& a, const X& b) { return binary<Max>(a, b); }  // ties: half the gradient to each
template <Numeric X> X minimum(const X& a, const X& b) { return binary<Min>(a, b); }
template <Numeric X> X pow(const X& a, const X& b) { return binary<Pow>(a, b); }  // a > 0

template <Numeric X> X operator+(const X& a, const X& b) { return add(a, b); }
template <Numeric X> X operator-(const X& a, const X& b) { return sub(a, b); }
template <Numeric X> X operator*(const X& a, const X& b) { return mul(a, b); }
template <Numeric X> X operator/(const X& a, const X& b) { return div(a, b); }
template <Numeric X> X operator-(const X& x) { return neg(x); }
template <Numeric X> X operator+(const X& a, double b) { return scale(a, 1, b); }
template <Numeric X> X operator+(double a, const X& b) { return scale(b, 1, a); }
template <Numeric X> X operator-(const X& a, double b) { return scale(a, 1, -b); }
template <Numeric X> X operator-(double a, const X& b) { return scale(b, -1, a); }
template <Numeric X> X operator*(const X& a, double b) { return scale(a, b); }
template <Numeric X> X operator*(double a, const X& b) { return scale(b, a); }
template <Numeric X> X operator/(const X& a, double b) { return scale(a, 1 / b); }

/// mask (u8) != 0 ? a : b; all three broadcast.
Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b);

/// y += x for the same shape and dtype; autograd accumulates gradients with it.
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
/// d = dy * derivative, in dy's shape.
template <int Which, class F>
void binary_slope(Cpu, F f, const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, Tensor d);
template <int Which, class F>
void binary_slope(Cuda, F f, const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, Tensor d);
void where(Cpu, const Tensor& mask, const Tensor& a, const Tensor& b, Tensor y);
void where(Cuda, const Tensor& mask, const Tensor& a, const Tensor& b, Tensor y);
void add_into(Cpu, Tensor y, const Tensor& x);
void add_into(Cuda, Tensor y, const Tensor& x);

/// The kernels above for a list of functors.  Taking a function's address makes the compiler emit it.  A backend calls
/// these once in the file that has the definitions; the tuples have no other use.
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
