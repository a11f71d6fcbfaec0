// Reductions of (K, R, C) over R: sum, max, min.
//
// R is cut into pieces whose length depends on C alone; the pieces are reduced separately and combined as a tree.  So
// the bits depend neither on the number of threads nor on K (the batch), and rounding errors grow with the length of a
// piece, not with R.
#pragma once

#include <limits>

#include "tensor/cpu/kernels/rows.h"
#include "tensor/parallel.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {

/// f takes numbers or native vectors of them; a is what was reduced so far.
struct Sum {
  template <class T> static constexpr T identity = 0;
  template <class N> static N f(N a, N x) { return a + x; }
};
struct Largest {  // NaN if any number is NaN
  template <class T> static constexpr T identity = -std::numeric_limits<T>::infinity();
  template <class N> static N f(N a, N x) { return x == x ? (x > a ? x : a) : x; }
};
struct Smallest {
  template <class T> static constexpr T identity = std::numeric_limits<T>::infinity();
  template <class N> static N f(N a, N x) { return x == x ? (x < a ? x : a) : x; }
};
template <class Op, class A> Vec<A> fold_two(Vec<A> a, Vec<A> x) { return Vec<A>::of(Op::f(a.v, x.v)); }

/// Reduces n contiguous numbers to one vector: four of them, then these.
template <class Op, class T, class A = acc_t<T>> Vec<A> fold_to_vector(const T* x, int64_t n) {
  using V = Vec<A>;
  const A none = Op::template identity<A>;
  V part[4] = {V(none), V(none), V(none), V(none)};
  int64_t i = 0;
  for (; i + 4 * V::size <= n; i += 4 * V::size)
    for (int k = 0; k < 4; ++k) part[k] = fold_two<Op>(part[k], V::load(x + i + k * V::size));
  for (; i + V::size <= n; i += V::size) part[0] = fold_two<Op>(part[0], V::load(x + i));
  if (i < n) part[1] = fold_two<Op>(part[1], live(V::load(x + i, int(n - i)), none, int(n - i)));
  return fold_two<Op>(fold_two<Op>(part[0], part[1]), fold_two<Op>(part[2], part[3]));
}
template <class Op, class T, class A = acc_t<T>> A fold_row(const T* x, int64_t n) {
  return detail::fold(fold_to_vector<Op>(x, n).v, [](auto a, auto b) { return Op::f(a, b); });
}

/// Lane i of v[0] = reduction of all lanes of v[i]: each round reduces neighbouring lanes of two vectors to one.
template <class Op, class V, size_t... I> void fold_lanes(V (&v)[V::size], std::index_sequence<I...>) {
  for (int n = V::size / 2; n > 0; n /= 2)
    for (int i = 0; i < n; ++i) {
      const auto a = v[2 * i].v, b = v[2 * i + 1].v;
      v[i] = V::of(Op::f(__builtin_shufflevector(a, b, 2 * I...), __builtin_shufflevector(a, b, (2 * I + 1)...)));
    }
}
/// y[k] = reduction of x[k * n + i] over i, for short rows: as many at once as a vector has lanes.
template <class Op, class T, class A = acc_t<T>> void fold_rows(const T* x, int64_t K, int64_t n, A* y) {
  using V = Vec<A>;
  parallel_for(ceil_div(K, V::size), V::size * n, [=](int64_t group) {
    const int64_t k = group * V::size;
    const int rows = int(std::min<int64_t>(V::size, K - k));
    V v[V::size];
    for (int i = 0; i < V::size; ++i) v[i] = i < rows ? fold_to_vector<Op>(x + (k + i) * n, n) : V(A(0));
    fold_lanes<Op>(v, std::make_index_sequence<V::size>());
    v[0].store(y + k, rows);
  });
}

/// y[c] = reduction of x[r * C + c] over r in [0, R), for c in [begin, end).
template <class Op, class T, class A = acc_t<T>>
void fold_columns(const T* x, int64_t R, int64_t C, int64_t begin, int64_t end, A* y) {
  using V = Vec<A>;
  const V none(Op::template identity<A>);
  int64_t i = begin;
  for (; i + 4 * V::size <= end; i += 4 * V::size) {
    V a = none, b = none, c = none, d = none;
    for (int64_t r = 0; r < R; ++r) {
      const T* p = x + r * C + i;
      a = fold_two<Op>(a, V::load(p)), b = fold_two<Op>(b, V::load(p + V::size));
      c = fold_two<Op>(c, V::load(p + 2 * V::size)), d = fold_two<Op>(d, V::load(p + 3 * V::size));
    }
    a.store(y + i), b.store(y + i + V::size), c.store(y + i + 2 * V::size), d.store(y + i + 3 * V::size);
  }
  for (; i < end; i += V::size) {
    const int n = int(std::min<int64_t>(V::size, end - i));
    V a = none;
    if (n == V::size)
      for (int64_t r = 0; r < R; ++r) a = fold_two<Op>(a, V::load(x + r * C + i));
    else
      for (int64_t r = 0; r < R; ++r) a = fold_two<Op>(a, V::load(x + r * C + i, n));
    a.store(y + i, n);
  }
}

template <class Op, class T, class A = acc_t<T>> void fold(const T* x, int64_t K, int64_t R, int64_t C, A* y) {
  constexpr int64_t kTerms = 256;                      // of a sum in a lane, at most
  constexpr int64_t kRun = 4 * Vec<A>::size * kTerms;  // fold_row has four vectors
  if (C == 1 && R <= kRun) return fold_rows<Op>(x, K, R, y);
  constexpr int64_t kBlock = 1024;  // columns reduced at once
  const int64_t block = std::min(C, kBlock), blocks = ceil_div(C, block);
  const int64_t piece = C == 1 ? kRun : std::clamp<int64_t>(kGrain / block, 64, kTerms);
  const int64_t pieces = ceil_div(R, piece);
  std::vector<A> buffer(pieces > 1 ? K * pieces * C : 0);
  A* part = pieces > 1 ? buffer.data() : y;
  parallel_for(K * pieces * blocks, std::min(R, piece) * block, [&](int64_t task) {
    const int64_t b = task % blocks, k = task / blocks / pieces, p = task / blocks % pieces;
    const int64_t rows = std::min(piece, R - p * piece);
    const T* from = x + (k * R + p * piece) * C;
    A* to = part + (k * pieces + p) * C;
    if (C == 1) *to = fold_row<Op>(from, rows);
    else fold_columns<Op>(from, rows, C, b * block, std::min(C, (b + 1) * block), to);
  });
  if (pieces > 1)
    parallel_for(K, pieces * C, [&](int64_t k) {
      A* mine = part + k * pieces * C;
      for (int64_t step = 1; step < pieces; step *= 2)
        for (int64_t p = 0; p + step < pieces; p += 2 * step)
          for (int64_t c = 0; c < C; ++c) mine[p * C + c] = Op::f(mine[p * C + c], mine[(p + step) * C + c]);
      std::copy(mine, mine + C, y + k * C);
    });
}

}  // namespace camo::kernel
