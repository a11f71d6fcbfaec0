// Elementwise loops on the CPU: every op reads its operands once and writes once, so memory sets the pace.
//
// What is computed stands in scalar.h; how operands repeat, in tensor/cpu/kernels/broadcast.h.  This file joins the two, for
// f32, f64 and bf16 memory, and instantiates them for the list of functors (at the end).
// Next: autograd/ops/elementwise.cpp.
#include "tensor/ops/elementwise.h"

#include "tensor/cpu/kernels/broadcast.h"
#include "tensor/ops/reduce.h"

namespace camo {

// ---- kernels ----------------------------------------------------------------------------------------------

namespace kernel {

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
    const T* g = dy.read<T>();
    T* out = d.write<T>();
    auto two = [&] { return Broadcast<3>(dy.shape(), {dy.shape(), a.shape(), b.shape()}); };
    auto one = [&](const Tensor& x) { return Broadcast<2>(dy.shape(), {dy.shape(), x.shape()}); };
    if constexpr (needs == kNothing || needs == kOne)
      map(
          dy.numel(), out, [=](V t) { return t * slope(V(0), V(0), V(0)); }, g);
    else if constexpr (needs == kA)
      map_broadcast(
          one(a), out, [=](V t, V u) { return t * slope(u, V(0), V(0)); }, g, a.read<T>());
    else if constexpr (needs == kB)
      map_broadcast(
          one(b), out, [=](V t, V v) { return t * slope(V(0), v, V(0)); }, g, b.read<T>());
    else if constexpr (needs == (kA | kB))
      map_broadcast(
          two(), out, [=](V t, V u, V v) { return t * slope(u, v, V(0)); }, g, a.read<T>(), b.read<T>());
    else {
      Broadcast<4> plan(dy.shape(), {dy.shape(), a.shape(), b.shape(), y.shape()});
      map_broadcast(
          plan, out, [=](V t, V u, V v, V w) { return t * slope(u, v, w); }, g, a.read<T>(), b.read<T>(), y.read<T>());
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

}  // namespace kernel

// ---- tensor functions ---------------------------------------------------------------------------------------

template <class F> Tensor unary(const Tensor& x, F f) {
  Tensor y = empty_like(x);
  on(x.device(), [&](auto where) { kernel::unary(where, f, x, y); });
  return y;
}

template <class F> Tensor unary_backward(const Tensor& dy, const Tensor& x, const Tensor& y, F f) {
  for (const Tensor* saved : {&x, &y}) {
    if (!saved->defined()) continue;
    check_same(F::kName, dy, *saved);
    check(dy.shape() == saved->shape(), F::kName, ": gradient ", dy.shape(), " for ", saved->shape());
  }
  Tensor dx = empty_like(dy);
  on(dy.device(), [&](auto where) { kernel::unary_backward(where, f, dy, x, y, dx); });
  return dx;
}

template <class F> Tensor binary(const Tensor& a, const Tensor& b, F f) {
  check_same(F::kName, a, b);
  Tensor y = empty(broadcast(a.shape(), b.shape(), F::kName), a.dtype(), a.device());
  on(y.device(), [&](auto where) { kernel::binary(where, f, a, b, y); });
  return y;
}

template <int Which, class F>
Tensor binary_backward(const Tensor& dy, const Tensor& a, const Tensor& b, const Tensor& y, const Shape& to, F f) {
  constexpr int needs = Which == 0 ? F::kNeedsForA : F::kNeedsForB;
  if (needs == kOne) return sum_to(dy, to);
  Tensor d = empty_like(dy);
  on(dy.device(), [&](auto where) { kernel::binary_slope<Which>(where, f, dy, a, b, y, d); });
  return sum_to(d, to);
}

Tensor where(const Tensor& mask, const Tensor& a, const Tensor& b) {
  check_same("where", a, b);
  check<DTypeError>(mask.dtype() == DType::u8, "where: the mask is u8, got ", mask.dtype());
  check<DeviceError>(mask.device() == a.device(), "where: mask on ", mask.device(), ", numbers on ", a.device());
  Shape shape = broadcast(mask.shape(), broadcast(a.shape(), b.shape(), "where"), "where");
  Tensor y = empty(shape, a.dtype(), a.device());
  on(y.device(), [&](auto where) { kernel::where(where, mask, a, b, y); });
  return y;
}

void add_into(Tensor y, const Tensor& x) {
  check_same("add_into", y, x);
  check(y.shape() == x.shape(), "add_into: shapes differ: ", y.shape(), " += ", x.shape());
  on(y.device(), [&](auto where) { kernel::add_into(where, y, x); });
}

void add_into_rows(Tensor y, int64_t begin, const Tensor& x) {
  check(x.rank() > 0 && y.rank() == x.rank() && y.shape().with(0, x.dim(0)) == x.shape() && begin >= 0 &&
            begin + x.dim(0) <= y.dim(0),
        "add_into_rows: ", x.shape(), " does not fit ", y.shape(), " from row ", begin);
  add_into(y.slice(begin, begin + x.dim(0)), x);
}

Tensor sum_to(const Tensor& x, const Shape& to) {
  if (x.shape() == to) return x;
  check(broadcast(to, x.shape(), "sum_to") == x.shape(), "sum_to: ", x.shape(), " is no broadcast of ", to);
  std::vector<int> axes;
  for (int axis = 0, lead = x.rank() - to.rank(); axis < x.rank(); ++axis)
    if (axis < lead || (to[axis - lead] == 1 && x.dim(axis) != 1)) axes.push_back(axis);
  return axes.empty() ? x.reshape(to) : sum(x, axes).reshape(to);
}

// ---- the list of functors, instantiated --------------------------------------------------------------------

// Taking a function's address makes the compiler emit it; the tuples exist for nothing else.
template <class... F> auto unary_instances(TypeList<F...>) {
  return std::make_tuple(&unary<F>..., &unary_backward<F>...);
}
template <class... F> auto binary_instances(TypeList<F...>) {
  return std::make_tuple(&binary<F>..., &binary_backward<0, F>..., &binary_backward<1, F>...);
}
auto unary_tensor_functions = unary_instances(UnaryFunctors{});
auto binary_tensor_functions = binary_instances(BinaryFunctors{});

}  // namespace camo
