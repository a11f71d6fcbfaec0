// The register tile of the matrix products, and packing.  Internal to tensor/cpu/kernels/.
//
// A tile is R rows by V vectors of sums, kept in registers while k advances.  Each step loads V vectors of B and R
// single numbers of A for R * V multiply-adds.  B is stored in panels of V vectors, ordered by k, so it is read
// sequentially.  N is cut into vectors, and the vectors evenly into panels of at most kTileVecs.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "tensor/cpu/kernels/gemm_unit.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {

constexpr int kTileVecs = kVecBytes == 64 ? 4 : 2;
/// Rows of a tile that is V vectors wide: as many as fit 32 (AVX-512) or 16 vector registers and 15 general registers.
constexpr int tile_rows(int V) {
  if (kVecBytes == 64) return V == 4 ? 6 : V == 3 ? 8 : 12;
  return V == 2 ? 6 : 12;
}
constexpr int kRowUnit = 24;  // a multiple of every tile_rows
constexpr int kMaxTileRows = 12;

/// Splits N columns into panels of nearly equal width.
template <class T> struct Panels {
  int64_t vectors, count;
  explicit Panels(int64_t N) : vectors(ceil_div(N, Vec<T>::size)), count(ceil_div(vectors, kTileVecs)) {}
  int64_t begin(int64_t p) const { return p * (vectors / count) + std::min(p, vectors % count); }  // in vectors
  int vecs(int64_t p) const { return int(vectors / count + (p < vectors % count)); }
  int64_t column(int64_t p) const { return begin(p) * Vec<T>::size; }
};

/// Calls f.operator()<V>() for V = vecs in [1, kTileVecs].
template <class F> void with_width(int vecs, F&& f) {
  if (vecs == 1) return f.template operator()<1>();
  if constexpr (kTileVecs > 2) {
    if (vecs == 3) return f.template operator()<3>();
    if (vecs == 4) return f.template operator()<4>();
  }
  f.template operator()<2>();
}

/// A range of k in the rows of a tile: numbers [offset, offset + length) of `pieces` runs.  Run p of row i begins at
/// rows[p * ld + i].  The rows of the next tile follow in the table.
template <class T> struct Stretch {
  const T* const* rows;
  int64_t ld, pieces, offset, length;
};

/// sums += x (one number per row) times b (V vectors).
template <class P, int R, int V, class X>
inline void step(Vec<typename Unit<P>::Sum> (&sums)[R][V], const P* b, const X& every) {
  typename Unit<P>::Wide right[V];
  for (int j = 0; j < V; ++j) right[j] = Unit<P>::load(b + j * Vec<typename Unit<P>::Sum>::size);
  for (int i = 0; i < R; ++i) {
    const auto left = every(i);
    for (int j = 0; j < V; ++j) Unit<P>::add(sums[i][j], left, right[j]);
  }
}

/// c[i][0, width) = start + A B for R rows, rounded to C.  start is the old c (if add), else bias (if
/// given), else zero.
/// Not inlined, so that no other code competes for its registers.
template <int R, int V, class P, class C, class N = typename Unit<P>::Number, class T = typename Unit<P>::Sum>
[[gnu::noinline]] void multiply_rows(const Stretch<N>& a, const P* b, C* const* c, int64_t column, bool add,
                                     const T* bias) {
  constexpr int S = Vec<T>::size, kPer = Unit<P>::kPer;
  Vec<T> sums[R][V];
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < V; ++j)
      sums[i][j] = add ? Vec<T>::load(c[i] + column + j * S) : bias ? Vec<T>::load(bias + j * S) : Vec<T>(0);
  const N* const* rows = a.rows;
  const int64_t whole = a.length / kPer * kPer;
  for (int64_t piece = 0; piece < a.pieces; ++piece, rows += a.ld) {
    const N* left[R];
    for (int i = 0; i < R; ++i) left[i] = rows[i] + a.offset;
    for (int64_t k = 0; k < whole;) {
      for (int i = 0; i < R; ++i) __builtin_prefetch(rows[R + i] + a.offset + k);
      for (const int64_t stop = std::min<int64_t>(k + 64 / sizeof(N), whole); k < stop; k += kPer, b += V * S)
        step(sums, b, [&](int i) { return Unit<P>::every(left[i] + k); });
    }
    if constexpr (kPer > 1)
      if (whole < a.length) {
        step(sums, b, [&](int i) { return Unit<P>::every_last(left[i] + whole); });
        b += V * S;
      }
  }
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < V; ++j) Unit<P>::store(sums[i][j], c[i] + column + j * S);
}

/// c += A^T B for a tile: R elements of A and V vectors of B in each of `length` steps, which are step_a and step_b
/// elements apart; rows of c are ld apart.  Meanwhile prefetches `count` cache lines, a few at a time: a burst of
/// requests would delay the loads that the sums wait for.
template <int R, int V, class P, class T = typename Unit<P>::Sum>
[[gnu::noinline]] void multiply_columns(const P* a, int64_t step_a, const P* b, int64_t step_b, int64_t length, T* c,
                                        int64_t ld, const void* const* lines, int64_t count) {
  constexpr int S = Vec<T>::size;
  constexpr int64_t kStretch = 16;
  Vec<T> sums[R][V];
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < V; ++j) sums[i][j] = Vec<T>(0);
  const int64_t few = (count * kStretch + length - 1) / std::max<int64_t>(length, 1);
  const void* const* const end = lines + count;
  for (int64_t k = 0; k < length;) {
    for (const void* const* stop = std::min(lines + few, end); lines < stop; ++lines) __builtin_prefetch(*lines, 0, 2);
    for (const int64_t stop = std::min(k + kStretch, length); k < stop; ++k, a += step_a, b += step_b)
      step(sums, b, [&](int i) { return Unit<P>::every(reinterpret_cast<const typename Unit<P>::Number*>(a + i)); });
  }
  for (int i = 0; i < R; ++i)
    for (int j = 0; j < V; ++j) (Vec<T>::load(c + i * ld + j * S) + sums[i][j]).store(c + i * ld + j * S);
}

/// One bit of a transposition: swaps element (i + Step, j) with (i, j + Step) where that bit of i and j is clear.
template <class T, int Step, int... J>
inline void swap_bit(Vec<T>& low, Vec<T>& high, std::integer_sequence<int, J...>) {
  constexpr int S = Vec<T>::size;
  auto a = low.v, b = high.v;
  low.v = __builtin_shufflevector(a, b, (J & Step ? S + J - Step : J)...);
  high.v = __builtin_shufflevector(a, b, (J & Step ? S + J : J + Step)...);
}
template <class T, int Step = 1> inline void transpose(Vec<T> (&rows)[Vec<T>::size]) {
  constexpr int S = Vec<T>::size;
  for (int i = 0; i < S; ++i)
    if (!(i & Step)) swap_bit<T, Step>(rows[i], rows[i + Step], std::make_integer_sequence<int, S>());
  if constexpr (2 * Step < S) transpose<T, 2 * Step>(rows);
}

/// The next S steps of k of one row; fewer near its end, padded with zeros.
template <class P, class TB> Vec<typename Unit<P>::Sum> row_steps(const TB* row, int64_t left) {
  using W = Vec<typename Unit<P>::Sum>;
  auto some = [&](int64_t from) {
    const int64_t n = std::clamp<int64_t>(left - from, 0, W::size);
    return n == W::size ? W::load(row + from) : W::load(row + (n > 0 ? from : 0), int(n));
  };
#ifdef CAMO_BF16_UNITS
  if constexpr (Unit<P>::kPer == 2) {
    auto both = _mm512_cvtne2ps_pbh((__m512)some(W::size).v, (__m512)some(0).v);  // second argument: lower half
    W out;
    std::memcpy(&out, &both, sizeof out);
    return out;
  }
#endif
  return some(0);
}

/// Packs K rows of one panel from B (K, N): element (k, n) is src[k * ld + n], or zero for n >= cols.
template <class P, class TB> void pack_panel(const TB* src, int64_t ld, int64_t K, int64_t cols, int vecs, P* dst) {
  constexpr int S = Vec<typename Unit<P>::Sum>::size, kPer = Unit<P>::kPer;
  for (int64_t k = 0; k < K; k += kPer, src += kPer * ld)
    for (int j = 0; j < vecs; ++j, dst += S) {
      const int lanes = int(std::clamp<int64_t>(cols - j * S, 0, S));
      const TB* from = src + (lanes > 0 ? j * S : 0);
      Unit<P>::pack(from, k + 1 < K ? from + ld : nullptr, lanes, dst);
    }
}

/// The same from B stored as (N, K): element (k, n) is src[n * ld + k].
template <class P, class TB>
void pack_panel_transposed(const TB* src, int64_t ld, int64_t K, int64_t cols, int vecs, P* dst) {
  using T = typename Unit<P>::Sum;
  constexpr int S = Vec<T>::size, kPer = Unit<P>::kPer;
  for (int j = 0; j < vecs; ++j)
    for (int64_t k = 0; k < K; k += S * kPer) {
      const int steps = int(std::min<int64_t>(S, ceil_div(K - k, kPer)));
      Vec<T> block[S];  // the steps of row n; two bf16 numbers are moved as the bits of one float
      for (int i = 0; i < S; ++i)
        block[i] = j * S + i < cols ? row_steps<P>(src + (j * S + i) * ld + k, K - k) : Vec<T>(0);
      transpose(block);
      for (int i = 0; i < steps; ++i) std::memcpy(dst + ((k / kPer + i) * vecs + j) * S, &block[i], sizeof block[i]);
    }
}

}  // namespace camo::kernel
