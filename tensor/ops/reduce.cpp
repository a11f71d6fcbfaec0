// Reductions over any set of axes.
//
// After neighbouring axes are merged, every reduction is a chain of reductions of (K, R, C) over R: all axes are (1, R,
// 1), the last one (K, R, 1), the leading ones (1, R, C).
// Intermediate results of a chain stay in acc_dtype; they are rounded to x's dtype once, at the end.
#include "tensor/ops/reduce.h"

namespace camo {
namespace {

/// Marks the axes that are reduced.
std::array<bool, kMaxRank> folded_axes(const Shape& x, const std::vector<int>& axes, const char* op) {
  std::array<bool, kMaxRank> folded{};
  if (axes.empty()) folded.fill(true);
  for (int a : axes) {
    const int axis = x.axis(a);
    check(!folded[axis], op, ": axis ", a, " of ", x, " is named twice");
    folded[axis] = true;
  }
  return folded;
}

int64_t folded_count(const Tensor& x, const std::vector<int>& axes, const char* op) {
  const auto folded = folded_axes(x.shape(), axes, op);
  int64_t n = 1;
  for (int i = 0; i < x.rank(); ++i)
    if (folded[i]) n *= x.dim(i);
  return n;
}

/// Reduces the innermost axes first; the result is in acc_dtype, with reduced axes kept as 1.
Tensor fold(kernel::Fold op, const Tensor& x, const std::vector<int>& axes, const char* name) {
  check<DTypeError>(is_float(x.dtype()), name, ": takes f32, f64 or bf16, got ", x.dtype());
  const auto folded = folded_axes(x.shape(), axes, name);
  const DType acc = acc_dtype(x.dtype());
  if (x.numel() == 0) return full(reduced_shape(x.shape(), axes, true, name), 0, acc, x.device());
  Tensor now = x;
  for (int end = x.rank(); end > 0;) {
    if (!folded[end - 1] || x.dim(end - 1) == 1) {
      --end;
      continue;
    }
    int begin = end - 1;
    while (begin > 0 && (folded[begin - 1] || x.dim(begin - 1) == 1)) --begin;
    const int64_t K = x.shape().product(0, begin), R = x.shape().product(begin, end), C = now.numel() / (K * R);
    Tensor next = empty({K, C}, acc, x.device());
    on(x.device(), [&](auto where) { kernel::fold(where, op, now.reshape({K, R, C}), next); });
    now = next, end = begin;
  }
  now = now.reshape(reduced_shape(x.shape(), axes, true, name));
  if (now.storage() != x.storage()) return now;
  Tensor y = empty(now.shape(), acc, x.device());  // there was nothing to reduce: only widen
  if (acc == x.dtype()) copy_into(y, now);
  else on(x.device(), [&](auto where) { kernel::spread(where, now, 1, y); });
  return y;
}

/// Scales, rounds to the input's dtype and reshapes.
Tensor finish(const Tensor& folded, double factor, DType dtype, const Shape& shape) {
  Tensor y = folded;
  if (factor != 1 || dtype != folded.dtype()) {
    y = empty(folded.shape(), dtype, folded.device());
    on(y.device(), [&](auto where) { kernel::spread(where, folded, factor, y); });
  }
  return y.reshape(shape);
}

Tensor extreme(kernel::Fold op, const Tensor& x, const std::vector<int>& axes, bool keep, const char* name) {
  check(folded_count(x, axes, name) > 0, name, ": no elements: x ", x.shape());
  return finish(fold(op, x, axes, name), 1, x.dtype(), reduced_shape(x.shape(), axes, keep, name));
}

}  // namespace

Shape reduced_shape(const Shape& x, const std::vector<int>& axes, bool keep, const char* op) {
  const auto folded = folded_axes(x, axes, op);
  std::vector<int64_t> out;
  for (int i = 0; i < x.rank(); ++i) {
    if (!folded[i]) out.push_back(x[i]);
    else if (keep) out.push_back(1);
  }
  return Shape(out);
}

Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return finish(fold(kernel::Fold::sum, x, axes, "sum"), 1, x.dtype(), reduced_shape(x.shape(), axes, keep, "sum"));
}

Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keep) {
  const int64_t n = folded_count(x, axes, "mean");
  check(n > 0, "mean: no elements: x ", x.shape());
  return finish(fold(kernel::Fold::sum, x, axes, "mean"), 1. / double(n), x.dtype(),
                reduced_shape(x.shape(), axes, keep, "mean"));
}

Tensor max(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return extreme(kernel::Fold::max, x, axes, keep, "max");
}
Tensor min(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return extreme(kernel::Fold::min, x, axes, keep, "min");
}

Tensor mean_kept(const Tensor& x, const std::vector<int>& axes) {
  Tensor s = fold(kernel::Fold::sum, x, axes, "variance");
  return finish(s, 1. / double(folded_count(x, axes, "variance")), s.dtype(), s.shape());
}

Tensor variance(const Tensor& x, const std::vector<int>& axes, bool keep) {
  const int64_t n = folded_count(x, axes, "variance");
  check(n > 0, "variance: no elements: x ", x.shape());
  Tensor m = mean_kept(x, axes), square = empty(x.shape(), m.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::squared_distance(where, x, m, square); });
  return finish(fold(kernel::Fold::sum, square, axes, "variance"), 1. / double(n), x.dtype(),
                reduced_shape(x.shape(), axes, keep, "variance"));
}

Tensor spread(const Tensor& dy, const Shape& to, double factor) {
  check(broadcast(dy.shape(), to, "spread") == to, "spread: ", dy.shape(), " does not broadcast to ", to);
  Tensor dx = empty(to, dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::spread(where, dy, factor, dx); });
  return dx;
}

Tensor extreme_backward(const Tensor& dy, const Tensor& x, const Tensor& y) {
  Tensor dx = empty_like(x);
  on(x.device(), [&](auto where) { kernel::extreme_backward(where, dy, x, y, dx); });
  return dx;
}

Tensor variance_backward(const Tensor& dy, const Tensor& x, const Tensor& mean) {
  Tensor dx = empty_like(x);
  const double factor = 2. * double(mean.numel()) / double(std::max<int64_t>(x.numel(), 1));
  on(x.device(), [&](auto where) { kernel::variance_backward(where, dy, x, mean, factor, dx); });
  return dx;
}

Tensor argmax(const Tensor& x, int axis, bool keep) {
  axis = x.shape().axis(axis);
  check(x.dim(axis) > 0, "argmax: no elements: x ", x.shape(), ", axis ", axis);
  const int64_t K = x.shape().product(0, axis), R = x.dim(axis), C = x.shape().product(axis + 1, x.rank());
  Tensor y = empty(keep ? x.shape().with(axis, 1) : x.shape().without(axis), DType::i64, x.device());
  on(x.device(), [&](auto where) { kernel::argmax(where, x.reshape({K, R, C}), y); });
  return y;
}

bool all_finite(const Tensor& x) {
  bool finite = true;
  on(x.device(), [&](auto where) { kernel::all_finite(where, x, finite); });
  return finite;
}

double sum_of_squares(const Tensor& x) { return sums_of_squares({x})[0]; }

std::vector<double> sums_of_squares(const std::vector<Tensor>& x) {
  std::vector<double> sums(x.size());
  if (x.empty()) return sums;
  for (const Tensor& t : x)
    check<DeviceError>(t.device() == x[0].device(), "sums_of_squares: tensors on ", x[0].device(), " and ", t.device());
  on(x[0].device(), [&](auto where) { kernel::sums_of_squares(where, x, sums.data()); });
  return sums;
}

}  // namespace camo
