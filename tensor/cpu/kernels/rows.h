// Loops over one row in vectors, including the tail.
//
// f(c, lanes) is called for every vector of the row.  `lanes` is AllLanes for a whole vector, else the number of
// elements left, so one generic lambda is compiled with and without masks.
//   each_vec<A>(C, [&](int64_t c, auto n) { store(load<A>(x + c, n) * 2, y + c, n); });
#pragma once

#include <array>
#include <limits>

#include "tensor/cpu/vec.h"

namespace camo::kernel {

struct AllLanes {};

template <class A, class T> Vec<A> load(const T* p, AllLanes) { return Vec<A>::load(p); }
template <class A, class T> Vec<A> load(const T* p, int n) { return Vec<A>::load(p, n); }
template <class A, class T> void store(Vec<A> v, T* p, AllLanes) { v.store(p); }
template <class A, class T> void store(Vec<A> v, T* p, int n) { v.store(p, n); }

/// v in the lanes in use, `other` in the rest.
template <class A> Vec<A> live(Vec<A> v, A, AllLanes) { return v; }
template <class A> Vec<A> live(Vec<A> v, A other, int n) {
  typename Vec<A>::Mask lane;
  for (int i = 0; i < Vec<A>::size; ++i) lane[i] = i;
  return where(lane < typename Vec<A>::Int(n), v, Vec<A>(other));
}

template <class A, class F> void each_vec(int64_t C, const F& f) {
  int64_t c = 0;
  for (; c + Vec<A>::size <= C; c += Vec<A>::size) f(c, AllLanes{});
  if (c < C) f(c, int(C - c));
}

/// N sums over a row; term(c, lanes) returns their vectors.  Each has four running sums, added in a fixed order.
template <class A, size_t N, class F> std::array<A, N> row_sums(int64_t C, const F& term) {
  using V = Vec<A>;
  V sum[N][4];
  for (size_t k = 0; k < N; ++k)
    for (V& s : sum[k]) s = V(A(0));
  int64_t c = 0;
  auto take = [&](int slot, auto lanes) {
    std::array<V, N> t = term(c, lanes);
    for (size_t k = 0; k < N; ++k) sum[k][slot] += live(t[k], A(0), lanes);
  };
  while (c + 4 * V::size <= C)
    for (int slot = 0; slot < 4; ++slot, c += V::size) take(slot, AllLanes{});
  for (; c + V::size <= C; c += V::size) take(0, AllLanes{});
  if (c < C) take(1, int(C - c));
  std::array<A, N> out;
  for (size_t k = 0; k < N; ++k) out[k] = lane_sum((sum[k][0] + sum[k][1]) + (sum[k][2] + sum[k][3]));
  return out;
}
template <class A, class F> A row_sum(int64_t C, const F& term) {
  return row_sums<A, 1>(C, [&](int64_t c, auto lanes) { return std::array{term(c, lanes)}; })[0];
}

/// The largest number of a row, -infinity for an empty row.  NaN may or may not propagate.
template <class A, class T> A row_max(const T* row, int64_t C) {
  const A lowest = -std::numeric_limits<A>::infinity();
  Vec<A> best(lowest);
  each_vec<A>(C, [&](int64_t c, auto n) { best = max(live(load<A>(row + c, n), lowest, n), best); });
  return lane_max(best);
}

}  // namespace camo::kernel
