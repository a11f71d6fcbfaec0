// Layout ops, which move numbers without changing them: permute, concat, slice, pad, flip, cast, expand.  All copy.
//
// All except cast and concat use one kernel, which copies the elements of a box; x and y each have their own steps.
#pragma once

#include "tensor/tensor.h"

namespace camo {

Tensor permute(const Tensor& x, const std::vector<int>& order);  // axis i of y is axis order[i] of x
Tensor concat(const std::vector<Tensor>& parts, int axis);
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);
/// margins[axis] = {before, after}.
Tensor pad(const Tensor& x, const std::vector<std::pair<int64_t, int64_t>>& margins, double value = 0);
Tensor flip(const Tensor& x, int axis);
/// Converts any dtype to any other.  Float to integer truncates toward zero and saturates; NaN gives 0.
Tensor cast(const Tensor& x, DType to);
Tensor expand(const Tensor& x, const Shape& to);

/// Element (i0, i1, ...) of a box is at begin + sum of i[a] * step[a]; steps may be 0 or negative.
struct Walk {
  int64_t begin = 0;
  std::array<int64_t, kMaxRank> step{};
};

namespace kernel {

/// One axis of a box: its length, and its steps in x and in y.
struct Axis {
  int64_t length, from, to;
};

/// The axes of the box (at least one): without those of length 1, and with neighbours joined where both walks allow it.
inline std::vector<Axis> joined_axes(const Shape& box, const Walk& from, const Walk& to) {
  std::vector<Axis> axes;
  for (int a = 0; a < box.rank(); ++a) {
    Axis next{box[a], from.step[a], to.step[a]};
    if (next.length == 1) continue;
    Axis* last = axes.empty() ? nullptr : &axes.back();
    if (last && last->from == next.from * next.length && last->to == next.to * next.length)
      *last = {last->length * next.length, next.from, next.to};
    else axes.push_back(next);
  }
  if (axes.empty()) axes.push_back({1, 1, 1});
  return axes;
}

/// Copies x at `from` to y at `to` for every element of the box; no element of y is written twice.
void copy_box(Cpu, const Shape& box, const Tensor& x, const Walk& from, Tensor y, const Walk& to);
void copy_box(Cuda, const Shape& box, const Tensor& x, const Walk& from, Tensor y, const Walk& to);
/// y (rows, n) from parts (rows, n_i), n = sum n_i.
void concat(Cpu, const std::vector<Tensor>& parts, int64_t rows, Tensor y);
void concat(Cuda, const std::vector<Tensor>& parts, int64_t rows, Tensor y);
void cast(Cpu, const Tensor& x, Tensor y);
void cast(Cuda, const Tensor& x, Tensor y);
}  // namespace kernel

}  // namespace camo
