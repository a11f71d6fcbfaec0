// A box of elements that is copied from one walk to another (tensor/ops/layout.h), reduced to as few axes as describe it.
#pragma once

#include "tensor/ops/layout.h"

namespace camo::kernel {

/// One axis of a box: its length and the step along it in x and in y.
struct Axis {
  int64_t length, from, to;
};

/// The axes of the box without those of length 1, neighbours joined where both walks allow it; at least one.
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

}  // namespace camo::kernel
