// Plans numpy-style broadcasting without index arithmetic per element.
//
// Adjacent axes are merged while every operand treats them alike: a bias (C) over (B, H, W, C) becomes two axes, equal
// shapes become one.  Along the innermost merged axis an operand is either contiguous or one repeated number.
// Used by tensor/cpu/kernels/broadcast.h and cuda/tools/map.cuh.
#pragma once

#include <algorithm>

#include "tensor/shape.h"

namespace camo::kernel {

template <int K> struct Broadcast {
  using Offsets = std::array<int64_t, K>;  // where the run of each operand begins, in elements

  int64_t numel;
  int rank = 0;
  std::array<int64_t, kMaxRank> length{};  // lengths of the merged axes, innermost first
  std::array<Offsets, kMaxRank> stride{};  // 0 where the operand repeats

  /// Aligns the axes of each operand with the last axes of `out`; an axis of length 1 repeats.
  Broadcast(const Shape& out, const std::array<Shape, K>& operands) : numel(out.numel()) {
    Offsets size;  // elements of each operand below the current axis
    size.fill(1);
    for (int axis = out.rank() - 1; axis >= 0; --axis) {
      const int64_t n = out[axis];
      if (n == 1) continue;
      Offsets step{};
      for (int k = 0; k < K; ++k) {
        const int own = axis - (out.rank() - operands[k].rank());
        if (own < 0 || operands[k][own] == 1) continue;
        step[k] = size[k];
        size[k] *= n;
      }
      bool merges = rank > 0;
      for (int k = 0; merges && k < K; ++k) merges = step[k] == stride[rank - 1][k] * length[rank - 1];
      if (merges) length[rank - 1] *= n;
      else length[rank] = n, stride[rank++] = step;
    }
    if (rank == 0) length[rank++] = 1;  // a single element: every stride is 0
  }

  /// Calls f(i, n, offsets) for runs [i, i + n) of output elements in [begin, end), each within one innermost row.
  template <class F> void runs(int64_t begin, int64_t end, const F& f) const {
    std::array<int64_t, kMaxRank> at{};
    Offsets offset{};
    int64_t rest = begin;
    for (int axis = 0; axis < rank; ++axis, rest /= length[axis - 1]) {
      at[axis] = rest % length[axis];
      for (int k = 0; k < K; ++k) offset[k] += at[axis] * stride[axis][k];
    }
    for (int64_t i = begin; i < end;) {
      const int64_t n = std::min(length[0] - at[0], end - i);
      f(i, n, offset);
      i += n;
      at[0] += n;
      for (int k = 0; k < K; ++k) offset[k] += n * stride[0][k];
      for (int axis = 0; axis < rank && at[axis] == length[axis]; ++axis) {  // carry to the next axis
        for (int k = 0; k < K; ++k) offset[k] -= at[axis] * stride[axis][k];
        at[axis] = 0;
        if (axis + 1 == rank) break;
        ++at[axis + 1];
        for (int k = 0; k < K; ++k) offset[k] += stride[axis + 1][k];
      }
    }
  }
};

}  // namespace camo::kernel
