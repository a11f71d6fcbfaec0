// softmax, log-softmax and log-sum-exp over the last axis: checks of shapes and dtypes.
#include "tensor/ops/softmax.h"

namespace camo {
namespace {

void check_rows(const char* op, const Tensor& x) {
  check<DTypeError>(is_float(x.dtype()), op, ": takes f32, f64 or bf16, got ", x.dtype(), " ", x.shape());
  check(x.rank() > 0, op, ": x (..., C) has at least one axis, got ", x.shape());
}

void check_softmax_gradient(const char* op, const Tensor& dy, const Tensor& y) {
  check_rows(op, y);
  check_same(op, dy, y);
  check(dy.shape() == y.shape(), op, ": dy ", dy.shape(), " for y ", y.shape());
}

}  // namespace

Tensor softmax(const Tensor& x) {
  check_rows("softmax", x);
  Tensor y = empty_like(x);
  on(x.device(), [&](auto where) { kernel::softmax(where, x, y); });
  return y;
}

Tensor log_softmax(const Tensor& x) {
  check_rows("log_softmax", x);
  Tensor y = empty_like(x);
  on(x.device(), [&](auto where) { kernel::log_softmax(where, x, y); });
  return y;
}

Tensor logsumexp(const Tensor& x) {
  check_rows("logsumexp", x);
  check(x.dim(-1) > 0, "logsumexp: no elements in a row: x ", x.shape());
  Tensor y = empty(x.shape().without(-1), x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::logsumexp(where, x, y); });
  return y;
}

Tensor softmax_backward(const Tensor& dy, const Tensor& y) {
  check_softmax_gradient("softmax_backward", dy, y);
  Tensor dx = empty_like(y);
  on(y.device(), [&](auto where) { kernel::softmax_backward(where, dy, y, dx); });
  return dx;
}

Tensor log_softmax_backward(const Tensor& dy, const Tensor& y) {
  check_softmax_gradient("log_softmax_backward", dy, y);
  Tensor dx = empty_like(y);
  on(y.device(), [&](auto where) { kernel::log_softmax_backward(where, dy, y, dx); });
  return dx;
}

}  // namespace camo
