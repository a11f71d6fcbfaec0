// Layout ops as walks.  A walk gives the address of each element of a box; one kernel copies from walk to walk.
//
//   permute  the steps of x in another order    flip         a negative step    expand  step 0
//   slice    a later begin                      pad          a walk of y that is larger than the box
#include "tensor/ops/layout.h"

#include <algorithm>
#include <numeric>

namespace camo {
namespace {

/// The row-major walk over a whole tensor.
Walk walk(const Shape& shape) {
  Walk out;
  int64_t step = 1;
  for (int a = shape.rank() - 1; a >= 0; --a) out.step[a] = step, step *= shape[a];
  return out;
}

Tensor copied(const Tensor& x, const Walk& from, const Shape& box) {
  Tensor y = empty(box, x.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::copy_box(where, box, x, from, y, walk(box)); });
  return y;
}

void place(const Tensor& x, Tensor y, const Walk& to) {
  on(x.device(), [&](auto where) { kernel::copy_box(where, x.shape(), x, walk(x.shape()), y, to); });
}

}  // namespace

Tensor permute(const Tensor& x, const std::vector<int>& order) {
  std::string given;
  for (int a : order) given += text(given.empty() ? "" : ", ", a);
  std::vector<int> sorted = order, all(x.rank());
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), 0);
  check(sorted == all, "permute: order names each axis of x ", x.shape(), " once, got {", given, "}");
  const Walk rows = walk(x.shape());
  Walk from;
  std::vector<int64_t> lengths;
  for (int i = 0; i < x.rank(); ++i) {
    from.step[i] = rows.step[order[i]];
    lengths.push_back(x.dim(order[i]));
  }
  return copied(x, from, Shape(lengths));
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  check(!parts.empty(), "concat: needs at least one part");
  const Tensor& first = parts[0];
  axis = first.shape().axis(axis);
  int64_t length = 0;
  for (const Tensor& part : parts) {
    check_same("concat", first, part);
    check(part.rank() == first.rank() && part.shape().with(axis, 0) == first.shape().with(axis, 0),
          "concat: parts differ beyond axis ", axis, ": ", first.shape(), " and ", part.shape());
    length += part.dim(axis);
  }
  Tensor y = empty(first.shape().with(axis, length), first.dtype(), first.device());
  const int64_t rows = y.shape().product(0, axis);
  on(y.device(), [&](auto where) { kernel::concat(where, parts, rows, y); });
  return y;
}

Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end) {
  axis = x.shape().axis(axis);
  check(0 <= begin && begin <= end && end <= x.dim(axis), "slice: [", begin, ", ", end, ") of axis ", axis, " of ",
        x.shape());
  Walk from = walk(x.shape());
  from.begin = begin * from.step[axis];
  return copied(x, from, x.shape().with(axis, end - begin));
}

Tensor pad(const Tensor& x, const std::vector<std::pair<int64_t, int64_t>>& margins, double value) {
  check(int(margins.size()) == x.rank(), "pad: one pair of margins for each axis of ", x.shape(), ", got ",
        margins.size());
  std::vector<int64_t> lengths;
  for (int a = 0; a < x.rank(); ++a) {
    auto [before, after] = margins[a];
    check(before >= 0 && after >= 0, "pad: margins are not negative, got ", before, " and ", after, " for axis ", a,
          " of ", x.shape());
    lengths.push_back(before + x.dim(a) + after);
  }
  Tensor y = full(Shape(lengths), value, x.dtype(), x.device());
  Walk to = walk(y.shape());
  for (int a = 0; a < x.rank(); ++a) to.begin += margins[a].first * to.step[a];
  place(x, y, to);
  return y;
}

Tensor flip(const Tensor& x, int axis) {
  axis = x.shape().axis(axis);
  Walk from = walk(x.shape());
  from.begin = std::max<int64_t>(x.dim(axis) - 1, 0) * from.step[axis];
  from.step[axis] = -from.step[axis];
  return copied(x, from, x.shape());
}

Tensor cast(const Tensor& x, DType to) {
  Tensor y = empty(x.shape(), to, x.device());
  on(x.device(), [&](auto where) { kernel::cast(where, x, y); });
  return y;
}

Tensor expand(const Tensor& x, const Shape& to) {
  check(broadcast(x.shape(), to, "expand") == to, "expand: ", x.shape(), " does not broadcast to ", to);
  const Walk rows = walk(x.shape());
  Walk from;
  for (int i = 1; i <= x.rank(); ++i) from.step[to.rank() - i] = x.dim(-i) == 1 ? 0 : rows.step[x.rank() - i];
  return copied(x, from, to);
}

}  // namespace camo
