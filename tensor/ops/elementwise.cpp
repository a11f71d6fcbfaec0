// Elementwise ops: checks of shapes and dtypes, instantiated for the list of functors (at the end).
// Read next: tensor/cpu/ops/elementwise.cpp, autograd/ops/elementwise.cpp.
#include "tensor/ops/elementwise.h"

#include "tensor/ops/reduce.h"

namespace camo {

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

// ---- instantiation for the list of functors --------------------------------------------------------------------

// Taking a function's address makes the compiler emit it; that is all the tuples are for.
namespace {
template <class... F> auto unary_instances(TypeList<F...>) {
  return std::make_tuple(&unary<F>..., &unary_backward<F>...);
}
template <class... F> auto binary_instances(TypeList<F...>) {
  return std::make_tuple(&binary<F>..., &binary_backward<0, F>..., &binary_backward<1, F>...);
}
}  // namespace
auto unary_tensor_functions = unary_instances(UnaryFunctors{});
auto binary_tensor_functions = binary_instances(BinaryFunctors{});

}  // namespace camo
