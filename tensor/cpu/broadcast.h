// How an elementwise kernel walks operands that repeat: numpy's broadcasting without index arithmetic per element.
//
// Axes are merged as long as every operand treats them alike, so that a bias (C) over (B, H, W, C) is two axes and
// equal shapes are one.  Along the last merged axis an operand is contiguous or one repeated number; both are known
// to the inner loop at compile time.  Chunks are cut from the flat output, whatever the shapes.
#pragma once

#include "tensor/parallel.h"
#include "tensor/shape.h"
#include "tensor/vec.h"

namespace camo::kernel {

template <int K>
struct Broadcast {
  using Offsets = std::array<int64_t, K>;  // where each operand's run begins, in elements

  int64_t numel;
  int rank = 0;
  std::array<int64_t, kMaxRank> length{};  // of the merged axes, innermost first
  std::array<Offsets, kMaxRank> stride{};  // 0 where the operand repeats

  /// Each operand's axes are aligned at the end with out's; an axis of 1 repeats.
  Broadcast(const Shape& out, const std::array<Shape, K>& operands) : numel(out.numel()) {
    Offsets size;  // elements of each operand below the axis at hand
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
    if (rank == 0) length[rank++] = 1;  // one element: every stride is 0
  }

  /// Calls f(i, n, offsets) for runs [i, i + n) of the output that lie in [begin, end) and in one innermost row.
  template <class F>
  void runs(int64_t begin, int64_t end, const F& f) const {
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
      for (int axis = 0; axis < rank && at[axis] == length[axis]; ++axis) {  // carry, as an odometer does
        for (int k = 0; k < K; ++k) offset[k] -= at[axis] * stride[axis][k];
        at[axis] = 0;
        if (axis + 1 == rank) break;
        ++at[axis + 1];
        for (int k = 0; k < K; ++k) offset[k] += stride[axis + 1][k];
      }
    }
  }
};

/// Calls f(std::bool_constant...) with the given values as compile-time constants.
template <class F>
void with_constants(const F& f) { f(); }
template <class F, class... Rest>
void with_constants(const F& f, bool first, Rest... rest) {
  if (first) with_constants([&](auto... c) { f(std::true_type{}, c...); }, rest...);
  else with_constants([&](auto... c) { f(std::false_type{}, c...); }, rest...);
}

/// One operand of a run: a vector from p + i, or the number at p in every lane.
template <class V, bool Contiguous, class T>
V operand(const T* p, int64_t i) {
  if constexpr (Contiguous) return V::load(p + i);
  else return V(acc_t<T>(*p));
}
template <class V, bool Contiguous, class T>
V operand(const T* p, int64_t i, int n) {
  if constexpr (Contiguous) return V::load(p + i, n);
  else return V(acc_t<T>(*p));
}

/// y[i] = f(x[i]...) for i in [0, n), a vector at a time; operands that are not Contiguous repeat one number.
/// y may be one of the x.
template <bool... Contiguous, class T, class F, class... X>
void map_run(int64_t n, T* y, const F& f, const X*... x) {
  using V = Vec<acc_t<T>>;
  int64_t i = 0;
  for (; i + V::size <= n; i += V::size) f(operand<V, Contiguous>(x, i)...).store(y + i);
  if (i < n) f(operand<V, Contiguous>(x, i, int(n - i))...).store(y + i, int(n - i));
}

/// y = f(x...) over the shape of the plan, in parallel; f takes and returns vectors of acc_t<T>.
template <class T, class F, int K, class... X>
void map_broadcast(const Broadcast<K>& plan, T* y, const F& f, const X*... x) {
  static_assert(sizeof...(X) == K);
  auto all = [&]<size_t... k>(std::index_sequence<k...>) {
    with_constants([&](auto... contiguous) {
      parallel_chunks(plan.numel, kGrain, [&](int64_t begin, int64_t end) {
        plan.runs(begin, end, [&](int64_t i, int64_t n, const auto& offset) {
          map_run<decltype(contiguous)::value...>(n, y + i, f, (x + offset[k])...);
        });
      });
    }, (plan.stride[0][k] != 0)...);
  };
  all(std::make_index_sequence<K>());
}

/// The same when all shapes are equal.
template <class T, class F, class... X>
void map(int64_t n, T* y, const F& f, const X*... x) {
  parallel_chunks(n, kGrain, [&](int64_t begin, int64_t end) {
    map_run<(sizeof(X) > 0)...>(end - begin, y + begin, f, (x + begin)...);
  });
}

}  // namespace camo::kernel
