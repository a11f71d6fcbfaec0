// Dropout and drop-path.
//
// Sources: Srivastava et al. 2014 (dropout); Huang et al. 2016, arXiv:1603.09382 (whole samples).
#include "tensor/ops/dropout.h"

namespace camo {
namespace {

void check_drop(const char* op, const Tensor& x, double p) {
  check<DTypeError>(is_float(x.dtype()), op, ": takes f32, f64 or bf16, got ", x.dtype(), " ", x.shape());
  check(0 <= p && p < 1, op, ": 0 <= p < 1, got p ", p, " for x ", x.shape());
}

}  // namespace

Tensor dropout(const Tensor& x, double p, const RandomKey& key) {
  check_drop("dropout", x, p);
  Tensor y = empty_like(x);
  on(x.device(), [&](auto where) { kernel::dropout(where, x, p, key, y); });
  return y;
}

Tensor drop_path(const Tensor& x, double p, const RandomKey& key) {
  check_drop("drop_path", x, p);
  check(x.rank() > 0, "drop_path: x (B, ...) has a leading axis, got ", x.shape());
  Tensor y = empty_like(x);
  on(x.device(), [&](auto where) { kernel::drop_path(where, x, p, key, y); });
  return y;
}

}  // namespace camo
