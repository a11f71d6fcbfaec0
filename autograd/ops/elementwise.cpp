// Gradients of the elementwise ops.  A functor says which of x and y its derivative reads, and only that is saved: y
// for relu, sigmoid, tanh and exp (often alive anyway as the next op's input), nothing for add, neg and scale.
#include "autograd/ops.h"

namespace camo {
namespace {

template <class T> Saved save_if(bool wanted, const T& x) { return wanted ? Saved(x) : Saved(); }
Tensor get_if(bool wanted, const Saved& s) { return wanted ? s.get() : Tensor(); }

}  // namespace

/// A value that can be computed again is: then relu and its like, which read y, keep nothing.
template <class F> Var unary(const Var& x, F f) {
  constexpr bool reads_x = F::kNeeds & kX, reads_y = F::kNeeds & kY;
  const bool again = reads_x || computed_again(x);
  Tensor y = unary(x.value(), f);
  const Saved X = again ? save(x) : Saved(), Y = save_if(reads_y && !again, y);
  OpTraits traits;
  if (again) traits.again = [f, X] { return unary(X.get(), f); };
  return record(
      F::kName, y, {x},
      [f, X, Y](const Tensor& dy, Grads& d) {
        const Tensor value = !reads_y ? Tensor() : Y.defined() ? Y.get() : d.value();
        d[0] = unary_backward(dy, get_if(reads_x, X), value, f);
      },
      traits);
}

template <class F> Var binary(const Var& a, const Var& b, F f) {
  Tensor y = binary(a.value(), b.value(), f);
  const int needs = (a.wants_grad() ? F::kNeedsForA : 0) | (b.wants_grad() ? F::kNeedsForB : 0);
  return record(F::kName, y, {a, b},
                [f, needs, A = save_if(needs & kA, a), B = save_if(needs & kB, b), Y = save_if(needs & kY, y),
                 a_shape = a.shape(), b_shape = b.shape()](const Tensor& dy, Grads& d) {
                  const Tensor at = get_if(needs & kA, A), bt = get_if(needs & kB, B), yt = get_if(needs & kY, Y);
                  if (d.wants(0)) d[0] = binary_backward<0>(dy, at, bt, yt, a_shape, f);
                  if (d.wants(1)) d[1] = binary_backward<1>(dy, at, bt, yt, b_shape, f);
                });
}

Var where(const Tensor& mask, const Var& a, const Var& b) {
  return record("where", where(mask, a.value(), b.value()), {a, b},
                [M = Saved(mask), a_shape = a.shape(), b_shape = b.shape()](const Tensor& dy, Grads& d) {
                  const Tensor zero = zeros({}, dy.dtype(), dy.device());
                  if (d.wants(0)) d[0] = sum_to(where(M.get(), dy, zero), a_shape);
                  if (d.wants(1)) d[1] = sum_to(where(M.get(), zero, dy), b_shape);
                });
}

// The list of functors.h, instantiated as in tensor/ops/elementwise.cpp.
namespace {
template <class... F> auto unary_instances(TypeList<F...>) {
  return std::make_tuple(static_cast<Var (*)(const Var&, F)>(unary<F>)...);
}
template <class... F> auto binary_instances(TypeList<F...>) {
  return std::make_tuple(static_cast<Var (*)(const Var&, const Var&, F)>(binary<F>)...);
}
}  // namespace
auto unary_var_functions = unary_instances(UnaryFunctors{});
auto binary_var_functions = binary_instances(BinaryFunctors{});

}  // namespace camo
