// Scalar ops: each functor holds a value and its derivative, defined once for every dtype and device.
//
// A functor is a template over A = float, double or a Vec of them.  It uses `where` instead of branches, and camo::exp
// and camo::erf (tensor/scalar/math.h) instead of libm.  f(x) is the value and df(x, y) the derivative; a binary
// functor has f(a, b), da(a, b, y) and db(a, b, y).  kNeeds says which of x, a, b, y a derivative reads, and so what
// the Var function saves for the backward pass; the others are passed as zeros.  NaN propagates through every op.
// To add one: write it here, add it to the list at the end, write its one-line function in tensor/ops/elementwise.h, and
// add its case in tests/ops/elementwise.cpp.
#pragma once

#include "tensor/hd.h"
#include "tensor/scalar/math.h"

namespace camo {

/// The set of numbers that a derivative reads; kX is also the first operand of a binary functor.  kOne: the derivative
/// is 1, so dy itself is the gradient.
enum Needs : int { kNothing = 0, kX = 1, kA = 1, kB = 2, kY = 4, kOne = 8 };

// ---- one operand ------------------------------------------------------------------------------------------

struct Neg {
  static constexpr const char* kName = "neg";
  static constexpr int kNeeds = kNothing;
  template <class A> CAMO_HD static A f(A x) { return -x; }
  template <class A> CAMO_HD static A df(A, A) { return A(-1); }
};

struct Abs {
  static constexpr const char* kName = "abs";
  static constexpr int kNeeds = kX;
  template <class A> CAMO_HD static A f(A x) { return camo::abs(x); }
  template <class A> CAMO_HD static A df(A x, A) { return where(x > A(0), A(1), where(x < A(0), A(-1), x)); }
};

struct Exp {
  static constexpr const char* kName = "exp";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return camo::exp(x); }
  template <class A> CAMO_HD static A df(A, A y) { return y; }
};

struct Log {
  static constexpr const char* kName = "log";
  static constexpr int kNeeds = kX;
  template <class A> CAMO_HD static A f(A x) { return camo::log(x); }
  template <class A> CAMO_HD static A df(A x, A) { return A(1) / x; }
};

struct Sqrt {
  static constexpr const char* kName = "sqrt";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return camo::sqrt(x); }
  template <class A> CAMO_HD static A df(A, A y) { return A(0.5) / y; }
};

struct Rsqrt {
  static constexpr const char* kName = "rsqrt";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return A(1) / camo::sqrt(x); }
  template <class A> CAMO_HD static A df(A, A y) { return A(-0.5) * y * y * y; }
};

struct Reciprocal {
  static constexpr const char* kName = "reciprocal";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return A(1) / x; }
  template <class A> CAMO_HD static A df(A, A y) { return -y * y; }
};

struct Sigmoid {
  static constexpr const char* kName = "sigmoid";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return A(1) / (A(1) + camo::exp(-x)); }
  template <class A> CAMO_HD static A df(A, A y) { return y * (A(1) - y); }
};

struct Tanh {
  static constexpr const char* kName = "tanh";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return camo::tanh(x); }
  template <class A> CAMO_HD static A df(A, A y) { return A(1) - y * y; }
};

struct Relu {
  static constexpr const char* kName = "relu";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return where(x < A(0), A(0), x); }
  template <class A> CAMO_HD static A df(A, A y) { return where(y > A(0), A(1), y); }  // else y is 0 or NaN
};

struct Relu6 {  // ReLU cut at 6
  static constexpr const char* kName = "relu6";
  static constexpr int kNeeds = kY;
  template <class A> CAMO_HD static A f(A x) { return where(x < A(0), A(0), where(x > A(6), A(6), x)); }
  template <class A> CAMO_HD static A df(A, A y) { return where(y > A(0), where(y < A(6), A(1), A(0)), y); }
};

struct Gelu {  // x Phi(x), exact erf form.  Hendrycks, Gimpel 2016, arXiv:1606.08415
  static constexpr const char* kName = "gelu";
  static constexpr int kNeeds = kX;
  template <class A> CAMO_HD static A cdf(A x) { return A(0.5) + A(0.5) * camo::erf(x * A(0.70710678118654752)); }
  template <class A> CAMO_HD static A f(A x) { return x * cdf(x); }
  template <class A> CAMO_HD static A df(A x, A) {
    return cdf(x) + x * A(0.39894228040143268) * camo::exp(A(-0.5) * x * x);
  }
};

struct Silu {  // x sigmoid(x).  Elfwing, Uchibe, Doya 2017, arXiv:1702.03118
  static constexpr const char* kName = "silu";
  static constexpr int kNeeds = kX;
  template <class A> CAMO_HD static A f(A x) { return x * Sigmoid::f(x); }
  template <class A> CAMO_HD static A df(A x, A) {
    A s = Sigmoid::f(x);
    return s + x * s * (A(1) - s);
  }
};

struct Softplus {  // log(1 + e^x), shifted so that exp never overflows
  static constexpr const char* kName = "softplus";
  static constexpr int kNeeds = kX;
  template <class A> CAMO_HD static A f(A x) { return Relu::f(x) + camo::log1p(camo::exp(-camo::abs(x))); }
  template <class A> CAMO_HD static A df(A x, A) { return Sigmoid::f(x); }
};

struct Square {
  static constexpr const char* kName = "square";
  static constexpr int kNeeds = kX;
  template <class A> CAMO_HD static A f(A x) { return x * x; }
  template <class A> CAMO_HD static A df(A x, A) { return x + x; }
};

struct Clamp {
  static constexpr const char* kName = "clamp";
  static constexpr int kNeeds = kX;
  double low, high;
  template <class A> CAMO_HD A f(A x) const { return where(x < A(low), A(low), where(x > A(high), A(high), x)); }
  template <class A> CAMO_HD A df(A x, A) const { return where(x < A(low), A(0), where(x > A(high), A(0), A(1))); }
};

struct Affine {
  static constexpr const char* kName = "scale";
  static constexpr int kNeeds = kNothing;
  double factor = 1, shift = 0;
  template <class A> CAMO_HD A f(A x) const { return x * A(factor) + A(shift); }
  template <class A> CAMO_HD A df(A, A) const { return A(factor); }
};

// ---- two operands -----------------------------------------------------------------------------------------

struct Add {
  static constexpr const char* kName = "add";
  static constexpr int kNeedsForA = kOne, kNeedsForB = kOne;
  template <class A> CAMO_HD static A f(A a, A b) { return a + b; }
  template <class A> CAMO_HD static A da(A, A, A) { return A(1); }
  template <class A> CAMO_HD static A db(A, A, A) { return A(1); }
};

struct Sub {
  static constexpr const char* kName = "sub";
  static constexpr int kNeedsForA = kOne, kNeedsForB = kNothing;
  template <class A> CAMO_HD static A f(A a, A b) { return a - b; }
  template <class A> CAMO_HD static A da(A, A, A) { return A(1); }
  template <class A> CAMO_HD static A db(A, A, A) { return A(-1); }
};

struct Mul {
  static constexpr const char* kName = "mul";
  static constexpr int kNeedsForA = kB, kNeedsForB = kA;
  template <class A> CAMO_HD static A f(A a, A b) { return a * b; }
  template <class A> CAMO_HD static A da(A, A b, A) { return b; }
  template <class A> CAMO_HD static A db(A a, A, A) { return a; }
};

struct Div {
  static constexpr const char* kName = "div";
  static constexpr int kNeedsForA = kB, kNeedsForB = kA | kB;
  template <class A> CAMO_HD static A f(A a, A b) { return a / b; }
  template <class A> CAMO_HD static A da(A, A b, A) { return A(1) / b; }
  template <class A> CAMO_HD static A db(A a, A b, A) { return -a / (b * b); }
};

struct Max {
  static constexpr const char* kName = "maximum";
  static constexpr int kNeedsForA = kA | kB, kNeedsForB = kA | kB;
  template <class A> CAMO_HD static A f(A a, A b) { return where(a > b, a, where(a <= b, b, a + b)); }
  template <class A> CAMO_HD static A da(A a, A b, A) { return where(a > b, A(1), where(a == b, A(0.5), A(0))); }
  template <class A> CAMO_HD static A db(A a, A b, A) { return da(b, a, a); }
};

struct Min {
  static constexpr const char* kName = "minimum";
  static constexpr int kNeedsForA = kA | kB, kNeedsForB = kA | kB;
  template <class A> CAMO_HD static A f(A a, A b) { return where(a < b, a, where(a >= b, b, a + b)); }
  template <class A> CAMO_HD static A da(A a, A b, A) { return where(a < b, A(1), where(a == b, A(0.5), A(0))); }
  template <class A> CAMO_HD static A db(A a, A b, A) { return da(b, a, a); }
};

struct Pow {  // a^b for a > 0
  static constexpr const char* kName = "pow";
  static constexpr int kNeedsForA = kA | kB | kY, kNeedsForB = kA | kB | kY;
  template <class A> CAMO_HD static A f(A a, A b) { return camo::pow(a, b); }
  template <class A> CAMO_HD static A da(A a, A b, A y) { return b * y / a; }
  template <class A> CAMO_HD static A db(A a, A, A y) { return y * camo::log(a); }
};

// ---- the list: each functor here is compiled for every dtype and device -----------------------------------------

template <class... F> struct TypeList {};

using UnaryFunctors = TypeList<Neg, Abs, Exp, Log, Sqrt, Rsqrt, Reciprocal, Sigmoid, Tanh, Relu, Relu6, Gelu, Silu,
                               Softplus, Square, Clamp, Affine>;
using BinaryFunctors = TypeList<Add, Sub, Mul, Div, Max, Min, Pow>;

}  // namespace camo
