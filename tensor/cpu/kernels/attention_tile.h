// Packing, tile products and the exponential for the attention kernels.  Internal to tensor/cpu/kernels/.
#pragma once

#include "tensor/cpu/kernels/attention.h"
#include "tensor/cpu/kernels/gemm_tile.h"
#include "tensor/cpu/kernels/rows.h"
#include "tensor/cpu/kernels/unroll.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"
#include "tensor/scalar/math.h"

namespace camo::kernel {

constexpr double kLog2e = 1.4426950408889634, kLn2 = 0.69314718055994531;

constexpr int64_t kKeys = 192;           // keys per tile: whole panels, and a multiple of every tile height
constexpr int64_t kScores = kKeys + 16;  // row stride of a tile of scores; no power of two: spreads over cache sets

template <class A> constexpr int64_t kPanel = kTileVecs* Vec<A>::size;  // keys per panel
/// Channels rounded up to whole vectors: the row length of packed data.
template <class A> int64_t channels(const Attention& s) { return round_up(s.D, Vec<A>::size); }

/// 2^x for x <= 0, at least the smallest normal number; NaN stays NaN.  x = n + f with |f| <= 1/2: adding the
/// rounder leaves n + bias in the low bits, and a Chebyshev polynomial approximates (2^f - 1) / f (error 5e-9;
/// 9e-18 in double).
template <class A> Vec<A> exp2_negative(Vec<A> x) {
  using V = Vec<A>;
  constexpr bool is_float = sizeof(A) == 4;
  constexpr int bias = is_float ? 127 : 1023;
  const V low(A(1 - bias)), rounder(math::kRounder<A> + A(bias));
  x = max(low, x);
  V shifted = x + rounder, f = x - (shifted - rounder), series;
  if constexpr (is_float)
    series = math::polynomial(f, 0.69314718802622878, 0.24022650760568127, 0.055503571142190778, 0.0096180825572778515,
                              0.0013390863364671234, 0.0001545316294512069);
  else
    series = math::polynomial(f, 0.69314718055994531, 0.24022650695910098, 0.055504108664821594, 0.0096181291076068885,
                              0.0013333558146416935, 0.0001540353044173605, 1.5252733829836118e-5, 1.321544258792169e-6,
                              1.0178062445845774e-7, 7.0725859492692237e-9, 4.4549605981865184e-10);
  return (V(1) + f * series) * math::real<V>(math::bits(shifted) << math::kFractionBits<A>);
}

// ---- products ------------------------------------------------------------------------------------------------

/// c[r][0, I vectors) = sum over t of a(r, t) b[t][...], plus the old c if `add`.
/// a(r, t) is a[r * lda + t], or a[t * lda + r] if kAcross.
template <int R, int I, bool kAcross, class A>
[[gnu::noinline]] void product(const A* a, int64_t lda, const A* b, int64_t ldb, int64_t T, A* c, int64_t ldc,
                               bool add) {
  constexpr int S = Vec<A>::size;
  Vec<A> sums[R][I];
  unroll<R>([&](auto r) __attribute__((always_inline)) {
    unroll<I>([&](auto i)
                  __attribute__((always_inline)) { sums[r][i] = add ? Vec<A>::load(c + r * ldc + i * S) : Vec<A>(0); });
  });
  const A* rows[R];
  unroll<R>([&](auto r) __attribute__((always_inline)) { rows[r] = a + r * (kAcross ? 1 : lda); });
  for (int64_t t = 0; t < T; ++t, b += ldb) {
    Vec<A> right[I];
    unroll<I>([&](auto i) __attribute__((always_inline)) { right[i] = Vec<A>::load(b + i * S); });
    unroll<R>([&](auto r) __attribute__((always_inline)) {
      const Vec<A> x(kAcross ? a[r] : rows[r][t]);
      unroll<I>([&](auto i) __attribute__((always_inline)) { sums[r][i] += x * right[i]; });
    });
    a += kAcross ? lda : 0;
  }
  unroll<R>([&](auto r) __attribute__((always_inline)) {
    unroll<I>([&](auto i) __attribute__((always_inline)) { sums[r][i].store(c + r * ldc + i * S); });
  });
}

/// The same for `rows` rows and `vecs` vectors.  `rows` is rounded up to whole tiles, so c and a must
/// have that many rows.
template <bool kAcross, int (*kHeight)(int) = tile_rows, class A>
void products(const A* a, int64_t lda, const A* b, int64_t ldb, int64_t T, A* c, int64_t ldc, bool add, int64_t rows,
              int64_t vecs) {
  const Panels<A> panels(vecs * Vec<A>::size);
  for (int64_t p = 0; p < panels.count; ++p)
    with_width(panels.vecs(p), [&]<int I>() {
      constexpr int R = kHeight(I);
      for (int64_t r = 0; r < rows; r += R)
        product<R, I, kAcross>(a + r * (kAcross ? 1 : lda), lda, b + panels.column(p), ldb, T,
                               c + r * ldc + panels.column(p), ldc, add);
    });
}

/// scores[r][j] = <q row r, key j> for n keys in panels; n is rounded up to whole panels.
template <class A> void score(const A* q, int64_t ldq, const A* panels, int64_t D, int64_t n, A* scores, int64_t rows) {
  constexpr int R = tile_rows(kTileVecs);
  for (int64_t j = 0; j < n; j += kPanel<A>)
    for (int64_t r = 0; r < rows; r += R)
      product<R, kTileVecs, false>(q + r * ldq, ldq, panels + j * D, kPanel<A>, D, scores + r * kScores + j, kScores,
                                   false);
}

// ---- packing -------------------------------------------------------------------------------------------------

/// Packs n rows of D numbers, `stride` apart, times factor, into rows of `width` padded with zeros; rows [n,
/// padded) are zero.
template <class A, class T>
void pack_rows(const T* x, int64_t stride, int64_t n, int64_t D, A factor, A* to, int64_t width, int64_t padded) {
  for (int64_t r = 0; r < n; ++r)
    each_vec<A>(
        D, [&](int64_t d, auto lanes) { (load<A>(x + r * stride + d, lanes) * factor).store(to + r * width + d); });
  std::fill(to + n * width, to + padded * width, A(0));
}

/// Prefetches rows that will be packed next; the address need not be valid.
template <class T> void prefetch_rows(const T* x, int64_t stride, int64_t n, int64_t D) {
  for (int64_t r = 0; r < n; ++r)
    for (int64_t d = 0; d < D; d += 64 / sizeof(T)) __builtin_prefetch(x + r * stride + d);
}

/// Packs n rows of D numbers into panels [panel][d][key]; keys beyond the last are zero.
template <class A, class T> void pack_panels(const T* x, int64_t stride, int64_t n, int64_t D, A* to) {
  for (int64_t j = 0; j < n; j += kPanel<A>)
    pack_panel_transposed(x + j * stride, stride, D, n - j, kTileVecs, to + j * D);
}

/// Packs the keys of all images and heads: calls pack(x of the head, to) with `per_head` numbers of space for each.
template <class A, class T, class F>
void pack_heads(const T* x, const Attention& s, int64_t per_head, A* to, const F& pack) {
  parallel_for(s.B * s.heads, s.M * s.D,
               [&](int64_t i) { pack(x + s.key(i / s.heads, i % s.heads, 0), to + i * per_head); });
}

// ---- gradients of keys and values ------------------------------------------------------------------------------

/// The ranges of queries over which a task of the backward pass sums dk and dv.  A range is long enough that its sums
/// cost little, in time and memory, compared with q.  Its length depends on the sizes alone.
struct QueryRanges {
  int64_t N, length, count;
  QueryRanges(const Attention& s, int64_t block)
      : N(s.N),
        length(round_up(std::max<int64_t>(1024, s.M), block)),
        count(std::max<int64_t>(ceil_div(N, length), 1)) {}
  int64_t begin(int64_t i) const { return i % count * length; }
  int64_t end(int64_t i) const { return std::min(N, begin(i) + length); }
};

/// Adds the sums of the ranges of each head in order.  sums: for each range `size` numbers of dk, then of dv, both in
/// rows of `width`.  dk is multiplied by factor.
template <class A, class T>
void add_ranges(const A* sums, int64_t ranges, int64_t size, int64_t width, A factor, const Attention& s, T* dk,
                T* dv) {
  parallel_for(s.B * s.heads * s.M, 2 * width * ranges, [&](int64_t i) {
    const int64_t head = i / s.M, j = i % s.M, at = s.key(head / s.heads, head % s.heads, j);
    const A* first = sums + head * ranges * 2 * size + j * width;
    each_vec<A>(s.D, [&](int64_t d, auto lanes) {
      Vec<A> key(A(0)), value(A(0));
      for (int64_t c = 0; c < ranges; ++c) {
        key += Vec<A>::load(first + c * 2 * size + d);
        value += Vec<A>::load(first + (2 * c + 1) * size + d);
      }
      store(key * Vec<A>(factor), dk + at + d, lanes);
      store(value, dv + at + d, lanes);
    });
  });
}

}  // namespace camo::kernel
