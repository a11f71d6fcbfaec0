// Elementwise loops on the CPU.  Every op reads its operands once and writes once, so it is bound by memory.
//
// tensor/scalar/functors.h defines the functions, tensor/cpu/kernels/broadcast.h how operands repeat.  This file
// combines them for f32, f64 and bf16 memory, and instantiates them for the list of functors (at the end).
#include "tensor/ops/elementwise.h"

#include "tensor/cpu/kernels/broadcast.h"

namespace camo::kernel {

template <class F> void unary(Cpu, F f, const Tensor& x, Tensor y) {
  with_float(x.dtype(), F::kName, [&]<class T>() {
    map(
        x.numel(), y.write<T>(), [f](auto v) { return f.f(v); }, x.read<T>());
  });
}

template <class F> void unary_backward(Cpu, F f, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx) {
  with_float(dy.dtype(), F::kName, [&]<class T>() {
    using V = Vec<acc_t<T>>;
    const T* g = dy.read<T>();
    T* out = dx.write<T>();
    if constexpr (F::kNeeds == kX)
      map(
          dy.numel(), out, [f](V d, V v) { return d * f.df(v, V(0)); }, g, x.read<T>());
    else if constexpr (F::kNeeds == kY)
      map(
          dy.numel(), out, [f](V d, V v) { return d * f.df(V(0), v); }, g, y.read<T>());
    else
      map(
          dy.numel(), out, [f](V d) { return d * f.df(V(0), V(0)); }, g);
  });
}

template <class F> void binary(Cpu, F f, const Tensor& a, const Tensor& b, Tensor y) {
  Broadcast<2> plan(y.shape(), {a.shape(), b.shape()});
  with_float(y.dtype(), F::kName, [&]<class T>() {
    map_broadcast(
        plan, y.write<T>(), [f](auto u, auto v) { return f.f(u, v); }, a.read<T>(), b.read<T>());
  });
}

template <int Which, class F>
void binary_slope(Cpu, F f, const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, Tensor d) {
  constexpr int needs = Which == 0 ? F::kNeedsForA : F::kNeedsForB;
  with_float(dy.dtype(), F::kName, [&]<class T>() {
    using V = Vec<acc_t<T>>;
    auto slope = [f](V u, V v, V w) {
      if constexpr (Which == 0) return f.da(u, v, w);
      else return f.db(u, v, w);
    };
    T* out = d.write<T>();
    const std::tuple g(dy.read<T>());
    const Shape& shape = dy.shape();
    if constexpr (needs == kNothing || needs == kOne)
      map(
          dy.numel(), out, [=](V t) { return t * slope(V(0), V(0), V(0)); }, dy.read<T>());
    else if constexpr (needs == kA)
      map_broadcast(
          Broadcast<1>(shape, {a.shape()}), out, [=](V t, V u) { return t * slope(u, V(0), V(0)); }, g, a.read<T>());
    else if constexpr (needs == kB)
      map_broadcast(
          Broadcast<1>(shape, {b.shape()}), out, [=](V t, V v) { return t * slope(V(0), v, V(0)); }, g, b.read<T>());
    else {
      const Broadcast<2> both(shape, {a.shape(), b.shape()});
      if constexpr (needs == (kA | kB))
        map_broadcast(
            both, out, [=](V t, V u, V v) { return t * slope(u, v, V(0)); }, g, a.read<T>(), b.read<T>());
      else
        map_broadcast(
            both, out, [=](V t, V w, V u, V v) { return t * slope(u, v, w); }, std::tuple(dy.read<T>(), y.read<T>()),
            a.read<T>(), b.read<T>());
    }
  });
}

void where(Cpu, const Tensor& mask, const Tensor& a, const Tensor& b, Tensor y) {
  Broadcast<3> plan(y.shape(), {mask.shape(), a.shape(), b.shape()});
  const uint8_t* m = mask.read<uint8_t>();
  with_any(y.dtype(), [&]<class T>() {
    const T *p = a.read<T>(), *q = b.read<T>();
    T* out = y.write<T>();
    with_constants(
        [&](auto sm, auto sp, auto sq) {
          parallel_chunks(plan.numel, kGrain, [&](int64_t begin, int64_t end) {
            plan.runs(begin, end, [&](int64_t i, int64_t n, const auto& at) {
              const uint8_t* mi = m + at[0];
              const T *pi = p + at[1], *qi = q + at[2];
              for (int64_t j = 0; j < n; ++j) out[i + j] = mi[sm ? j : 0] ? pi[sp ? j : 0] : qi[sq ? j : 0];
            });
          });
        },
        plan.stride[0][0] != 0, plan.stride[0][1] != 0, plan.stride[0][2] != 0);
  });
}

void add_into(Cpu, Tensor y, const Tensor& x) {
  with_float(y.dtype(), "add_into", [&]<class T>() {
    const T* p = x.read<T>();
    T* q = y.write<T>();
    map(
        x.numel(), q, [](auto u, auto v) { return u + v; }, static_cast<const T*>(q), p);
  });
}

// ---- instantiation for the list of functors --------------------------------------------------------------------

auto unary_cpu_kernels = unary_kernels<Cpu>(UnaryFunctors{});
auto binary_cpu_kernels = binary_kernels<Cpu>(BinaryFunctors{});

}  // namespace camo::kernel
