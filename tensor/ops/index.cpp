// Choosing and ordering rows: checks of shapes and dtypes.
#include "tensor/ops/index.h"

#include "tensor/ops/layout.h"

namespace camo {
namespace {

void check_index(const char* op, const Tensor& index, Device device) {
  check<DTypeError>(index.dtype() == DType::i64, op, ": index is i64, got ", index.dtype());
  check<DeviceError>(index.device() == device, op, ": index is on ", index.device(), ", x on ", device);
}

/// Checks x (R, C) and index (R, K).
void check_along(const char* op, const Shape& x, const Tensor& index, Device device) {
  check_index(op, index, device);
  check(x.rank() == 2 && index.rank() == 2 && x[0] == index.dim(0), op, ": x (R, C) and index (R, K), got ", x, " and ",
        index.shape());
}

/// Checks the arguments of combine_rows and returns the shape of y.  weight is converted to acc_dtype.
Shape check_combine(const char* op, const Tensor& rows, const Tensor& position, Tensor& weight) {
  check_index(op, position, rows.device());
  check(rows.rank() >= 1 && position.rank() == 2 && weight.shape() == position.shape(), op,
        ": rows (R, ...), position (B, K), weight (B, K), got ", rows.shape(), ", ", position.shape(), ", ",
        weight.shape());
  const DType acc = acc_dtype(rows.dtype());
  check<DTypeError>(is_float(rows.dtype()) && (weight.dtype() == acc || weight.dtype() == rows.dtype()), op,
                    ": weight is of rows' type or ", acc, ", got ", rows.dtype(), " and ", weight.dtype());
  check<DeviceError>(weight.device() == rows.device(), op, ": rows are on ", rows.device(), ", weight on ",
                     weight.device());
  if (weight.dtype() != acc) weight = cast(weight, acc);
  return rows.shape().with(0, position.dim(0));
}

}  // namespace

Tensor gather_rows(const Tensor& x, const Tensor& index) {
  check_index("gather_rows", index, x.device());
  check(x.rank() >= 1 && index.rank() == 1, "gather_rows: x (R, ...) and index (n), got ", x.shape(), " and ",
        index.shape());
  Tensor y = empty(x.shape().with(0, index.numel()), x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::gather_rows(where, x, index, y); });
  return y;
}

Tensor gather_rows_backward(const Tensor& dy, const Tensor& index, int64_t rows) {
  check_index("gather_rows_backward", index, dy.device());
  check(dy.rank() >= 1 && index.shape() == Shape{dy.dim(0)}, "gather_rows_backward: dy (n, ...) and index (n), got ",
        dy.shape(), " and ", index.shape());
  Tensor dx = empty(dy.shape().with(0, rows), dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::gather_rows_backward(where, dy, index, dx); });
  return dx;
}

Tensor combine_rows(const Tensor& rows, const Tensor& position, const Tensor& weight) {
  Tensor w = weight;
  Tensor y = empty(check_combine("combine_rows", rows, position, w), rows.dtype(), rows.device());
  on(rows.device(), [&](auto where) { kernel::combine_rows(where, rows, position, w, y); });
  return y;
}

CombineGrads combine_rows_backward(const Tensor& dy, const Tensor& rows, const Tensor& position, const Tensor& weight) {
  const char* op = "combine_rows_backward";
  Tensor w = weight;
  Shape shape = check_combine(op, rows, position, w);
  check_same(op, dy, rows);
  check(dy.shape() == shape, op, ": dy ", dy.shape(), " for y ", shape);
  CombineGrads out{empty_like(rows), empty_like(w)};
  on(rows.device(), [&](auto where) { kernel::combine_rows_backward(where, dy, rows, position, w, out); });
  if (out.dweight.dtype() != weight.dtype()) out.dweight = cast(out.dweight, weight.dtype());
  return out;
}

Tensor take_along(const Tensor& x, const Tensor& index) {
  check_along("take_along", x.shape(), index, x.device());
  Tensor y = empty(index.shape(), x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::take_along(where, x, index, y); });
  return y;
}

Tensor take_along_backward(const Tensor& dy, const Tensor& index, int64_t columns) {
  check_along("take_along_backward", dy.shape(), index, dy.device());
  check(dy.shape() == index.shape(), "take_along_backward: dy ", dy.shape(), " for index ", index.shape());
  Tensor dx = empty({dy.dim(0), columns}, dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::take_along_backward(where, dy, index, dx); });
  return dx;
}

TopK top_k(const Tensor& x, int64_t k) {
  check<DTypeError>(is_float(x.dtype()), "top_k: takes f32, f64 or bf16, got ", x.dtype(), " ", x.shape());
  check(x.rank() == 2 && 0 <= k && k <= x.dim(1), "top_k: x (R, C) and 0 <= k <= C, got ", x.shape(), " and k ", k);
  const Shape shape{x.dim(0), k};
  TopK out{empty(shape, x.dtype(), x.device()), empty(shape, DType::i64, x.device())};
  on(x.device(), [&](auto where) { kernel::top_k(where, x, out); });
  return out;
}

Tensor sort_by_key(const Tensor& keys) {
  check_index("sort_by_key", keys, keys.device());
  check(keys.rank() == 1, "sort_by_key: keys (n), got ", keys.shape());
  Tensor order = empty_like(keys);
  on(keys.device(), [&](auto where) { kernel::sort_by_key(where, keys, order); });
  return order;
}

Tensor one_hot(const Tensor& index, int64_t classes, DType dtype) {
  check_index("one_hot", index, index.device());
  check(index.rank() == 1, "one_hot: index (n), got ", index.shape());
  Tensor y = empty({index.numel(), classes}, dtype, index.device());
  on(index.device(), [&](auto where) { kernel::one_hot(where, index, y); });
  return y;
}

Tensor histogram(const Tensor& index, int64_t classes) {
  check_index("histogram", index, index.device());
  Tensor count = empty({classes}, DType::i64, index.device());
  on(index.device(), [&](auto where) { kernel::histogram(where, index, count); });
  return count;
}

}  // namespace camo
