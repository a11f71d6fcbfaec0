// Elementwise ops on the GPU.  tensor/scalar/functors.h defines the functions for both devices, cuda/tools/map.cuh how
// operands are read.  This file combines them for the list of functors.
//
// Bound by memory: one pass over the result and the operands that do not repeat.
#include "cuda/tools/map.cuh"
#include "tensor/ops/elementwise.h"

namespace camo::kernel {
namespace {

template <class F> struct Value {
  F f;
  template <class A> CAMO_HD A operator()(A x) const { return f.f(x); }
};

/// dy * derivative; v is x or y, whichever the derivative reads.
template <class F> struct Slope {
  F f;
  template <class A> CAMO_HD A operator()(A dy, A v) const {
    return dy * (F::kNeeds == kX ? f.df(v, A(0)) : f.df(A(0), v));
  }
  template <class A> CAMO_HD A operator()(A dy) const { return dy * f.df(A(0), A(0)); }
};

template <class F> struct Value2 {
  F f;
  template <class A> CAMO_HD A operator()(A a, A b) const { return f.f(a, b); }
};

/// dy * derivative with respect to operand Which; v... are those of a, b, y that the derivative reads, in this order.
template <int Which, class F> struct Slope2 {
  static constexpr int kNeeds = Which == 0 ? F::kNeedsForA : F::kNeedsForB;
  F f;
  template <class A> CAMO_HD A slope(A a, A b, A y) const {
    if constexpr (Which == 0) return f.da(a, b, y);
    else return f.db(a, b, y);
  }
  template <class A> CAMO_HD A operator()(A dy) const { return dy * slope(A(0), A(0), A(0)); }
  template <class A> CAMO_HD A operator()(A dy, A v) const {
    return dy * (kNeeds == kA ? slope(v, A(0), A(0)) : slope(A(0), v, A(0)));
  }
  template <class A> CAMO_HD A operator()(A dy, A a, A b) const { return dy * slope(a, b, A(0)); }
  template <class A> CAMO_HD A operator()(A dy, A a, A b, A y) const { return dy * slope(a, b, y); }
};

struct Choose {
  template <class T> CAMO_HD T operator()(uint8_t mask, T a, T b) const { return mask ? a : b; }
};

}  // namespace

template <class F> void unary(Cuda where, F f, const Tensor& x, Tensor y) {
  with_float(x.dtype(), F::kName,
             [&]<class T>() { cuda::map(where, F::kName, x.numel(), Value<F>{f}, y.write<T>(), x.read<T>()); });
}

template <class F> void unary_backward(Cuda where, F f, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx) {
  with_float(dy.dtype(), F::kName, [&]<class T>() {
    const Slope<F> slope{f};
    if constexpr (F::kNeeds == kNothing) cuda::map(where, F::kName, dy.numel(), slope, dx.write<T>(), dy.read<T>());
    else
      cuda::map(where, F::kName, dy.numel(), slope, dx.write<T>(), dy.read<T>(),
                (F::kNeeds == kX ? x : y).template read<T>());
  });
}

template <class F> void binary(Cuda where, F f, const Tensor& a, const Tensor& b, Tensor y) {
  with_float(y.dtype(), F::kName, [&]<class T>() {
    cuda::map(where, F::kName, Broadcast<2>(y.shape(), {a.shape(), b.shape()}), Value2<F>{f}, y.write<T>(), a.read<T>(),
              b.read<T>());
  });
}

template <int Which, class F>
void binary_slope(Cuda where, F f, const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, Tensor d) {
  const Slope2<Which, F> slope{f};
  constexpr int needs = Slope2<Which, F>::kNeeds;
  with_float(dy.dtype(), F::kName, [&]<class T>() {
    const T* g = dy.read<T>();
    T* out = d.write<T>();
    if constexpr (needs == kNothing || needs == kOne) {
      cuda::map(where, F::kName, dy.numel(), slope, out, g);
    } else if constexpr (needs == kA || needs == kB) {
      const Tensor& v = needs == kA ? a : b;
      cuda::map(where, F::kName, Broadcast<2>(dy.shape(), {dy.shape(), v.shape()}), slope, out, g, v.read<T>());
    } else if constexpr (needs == (kA | kB)) {
      cuda::map(where, F::kName, Broadcast<3>(dy.shape(), {dy.shape(), a.shape(), b.shape()}), slope, out, g,
                a.read<T>(), b.read<T>());
    } else {
      cuda::map(where, F::kName, Broadcast<4>(dy.shape(), {dy.shape(), a.shape(), b.shape(), y.shape()}), slope, out, g,
                a.read<T>(), b.read<T>(), y.read<T>());
    }
  });
}

void where(Cuda where, const Tensor& mask, const Tensor& a, const Tensor& b, Tensor y) {
  const Broadcast<3> plan(y.shape(), {mask.shape(), a.shape(), b.shape()});
  with_any(y.dtype(), [&]<class T>() {
    cuda::map(where, "where", plan, Choose{}, y.write<T>(), mask.read<uint8_t>(), a.read<T>(), b.read<T>());
  });
}

void add_into(Cuda where, Tensor y, const Tensor& x) {
  with_float(y.dtype(), "add_into", [&]<class T>() {
    T* out = y.write<T>();
    cuda::map(where, "add_into", x.numel(), Value2<Add>{}, out, static_cast<const T*>(out), x.read<T>());
  });
}

// ---- instantiation for the list of functors --------------------------------------------------------------------

auto unary_cuda_kernels = unary_kernels<Cuda>(UnaryFunctors{});
auto binary_cuda_kernels = binary_kernels<Cuda>(BinaryFunctors{});

}  // namespace camo::kernel
