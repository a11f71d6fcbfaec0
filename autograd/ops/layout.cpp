// Gradients of the layout ops; each is another layout op and needs no saved value.
#include "autograd/ops.h"

namespace camo {

Var reshape(const Var& x, std::vector<int64_t> dims) {
  Tensor y = x.value().reshape(std::move(dims));
  OpTraits traits;
  if (computed_again(x)) traits.again = [X = save(x), shape = y.shape()] { return X.get().reshape(shape); };
  return record(
      "reshape", y, {x}, [shape = x.shape()](const Tensor& dy, Grads& d) { d[0] = dy.reshape(shape); }, traits);
}

Var slice_rows(const Var& x, int64_t begin, int64_t end) {
  return record("slice_rows", x.value().slice(begin, end), {x},
                [begin](const Tensor& dy, Grads& d) { d.add_rows(0, begin, dy); });
}

Var permute(const Var& x, const std::vector<int>& order) {
  return record("permute", permute(x.value(), order), {x}, [order](const Tensor& dy, Grads& d) {
    std::vector<int> back(order.size());
    for (size_t i = 0; i < order.size(); ++i) back[order[i]] = int(i);
    d[0] = permute(dy, back);
  });
}

Var concat(const Vars& parts, int axis) {
  std::vector<Tensor> values;
  std::vector<int64_t> lengths;
  for (const Var& part : parts) values.push_back(part.value());
  Tensor y = concat(values, axis);
  axis = y.shape().axis(axis);
  for (const Tensor& value : values) lengths.push_back(value.dim(axis));
  return record("concat", y, parts, [axis, lengths](const Tensor& dy, Grads& d) {
    int64_t begin = 0;
    for (int i = 0; i < int(lengths.size()); ++i) {
      const int64_t end = begin + lengths[i];
      if (d.wants(i)) d[i] = axis == 0 ? dy.slice(begin, end) : slice(dy, axis, begin, end);
      begin = end;
    }
  });
}

Var slice(const Var& x, int axis, int64_t begin, int64_t end) {
  return record("slice", slice(x.value(), axis, begin, end), {x},
                [shape = x.shape(), axis = x.shape().axis(axis), begin, end](const Tensor& dy, Grads& d) {
                  std::vector<std::pair<int64_t, int64_t>> margins(shape.rank());
                  margins[axis] = {begin, shape[axis] - end};
                  d[0] = pad(dy, margins);
                });
}

Var pad(const Var& x, const std::vector<std::pair<int64_t, int64_t>>& margins, double value) {
  return record("pad", pad(x.value(), margins, value), {x}, [shape = x.shape(), margins](const Tensor& dy, Grads& d) {
    Tensor dx = dy;
    for (int a = 0; a < shape.rank(); ++a)
      if (dx.dim(a) != shape[a]) dx = slice(dx, a, margins[a].first, margins[a].first + shape[a]);
    d[0] = dx;
  });
}

Var flip(const Var& x, int axis) {
  return record("flip", flip(x.value(), axis), {x}, [axis](const Tensor& dy, Grads& d) { d[0] = flip(dy, axis); });
}

Var cast(const Var& x, DType to) {
  check<DTypeError>(is_float(to) && is_float(x.dtype()), "cast: a Var goes from float to float, got ", x.dtype(),
                    " to ", to, " [cast the Tensor]");
  return record("cast", cast(x.value(), to), {x},
                [from = x.dtype()](const Tensor& dy, Grads& d) { d[0] = cast(dy, from); });
}

Var expand(const Var& x, const Shape& to) {
  return record("expand", expand(x.value(), to), {x},
                [shape = x.shape()](const Tensor& dy, Grads& d) { d[0] = sum_to(dy, shape); });
}

}  // namespace camo
