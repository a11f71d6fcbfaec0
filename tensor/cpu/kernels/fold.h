// Reductions of (K, R, C) over R: sum, max, min.
//
// R is cut into pieces whose length depends on C alone; the pieces are reduced separately and combined as a tree.  So
// the bits depend neither on the number of threads nor on K (the batch), and rounding errors grow with the length of a
// piece, not with R.
#pragma once

#include <limits>

#include "tensor/cpu/vec.h"
#include "tensor/parallel.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {

struct Sum {
  template <class T> static constexpr T identity = 0;
  template <class A> static A f(A a, A x) { return a + x; }
};
struct Largest {  // NaN if any number is NaN
  template <class T> static constexpr T identity = -std::numeric_limits<T>::infinity();
  template <class A> static A f(A a, A x) { return where(x == x, where(x > a, x, a), x); }
};
struct Smallest {
  template <class T> static constexpr T identity = std::numeric_limits<T>::infinity();
  template <class A> static A f(A a, A x) { return where(x == x, where(x < a, x, a), x); }
};

/// Reduces n contiguous numbers: four vectors, then their lanes by halves.
template <class Op, class T, class A = acc_t<T>> A fold_row(const T* x, int64_t n) {
  using V = Vec<A>;
  const V none(Op::template identity<A>);
  V a = none, b = none, c = none, d = none;
  int64_t i = 0;
  for (; i + 4 * V::size <= n; i += 4 * V::size) {
    a = Op::f(a, V::load(x + i)), b = Op::f(b, V::load(x + i + V::size));
    c = Op::f(c, V::load(x + i + 2 * V::size)), d = Op::f(d, V::load(x + i + 3 * V::size));
  }
  for (; i + V::size <= n; i += V::size) a = Op::f(a, V::load(x + i));
  A lane[V::size];
  Op::f(Op::f(a, b), Op::f(c, d)).store(lane);
  for (int j = 0; i < n; ++i, ++j) lane[j] = Op::f(lane[j], A(x[i]));
  for (int half = V::size / 2; half; half /= 2)
    for (int j = 0; j < half; ++j) lane[j] = Op::f(lane[j], lane[j + half]);
  return lane[0];
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
      a = Op::f(a, V::load(p)), b = Op::f(b, V::load(p + V::size));
      c = Op::f(c, V::load(p + 2 * V::size)), d = Op::f(d, V::load(p + 3 * V::size));
    }
    a.store(y + i), b.store(y + i + V::size), c.store(y + i + 2 * V::size), d.store(y + i + 3 * V::size);
  }
  for (; i < end; i += V::size) {
    const int n = int(std::min<int64_t>(V::size, end - i));
    V a = none;
    if (n == V::size)
      for (int64_t r = 0; r < R; ++r) a = Op::f(a, V::load(x + r * C + i));
    else
      for (int64_t r = 0; r < R; ++r) a = Op::f(a, V::load(x + r * C + i, n));
    a.store(y + i, n);
  }
}

template <class Op, class T, class A = acc_t<T>> void fold(const T* x, int64_t K, int64_t R, int64_t C, A* y) {
  constexpr int64_t kBlock = 1024;  // columns reduced at once
  const int64_t block = std::min(C, kBlock), blocks = ceil_div(C, block);
  const int64_t piece = C == 1 ? kGrain : std::clamp<int64_t>(kGrain / block, 64, 256);  // at most 256 terms per lane
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
