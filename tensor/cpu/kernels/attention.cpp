// Forward pass of attention; attention.h explains the method.
#include "tensor/cpu/kernels/attention.h"

#include <array>
#include <limits>

#include "tensor/cpu/kernels/attention_tile.h"
#include "tensor/cpu/kernels/attention_units.h"

namespace camo::kernel {
namespace {

constexpr int64_t kQueries = 24;  // queries per block: a multiple of every tile height

/// Packed keys and values of one head.
template <class A> struct Head { const A *keys, *values; };

/// The running softmax of a block of queries: maximum (in units of log2) and sum of exponentials, still
/// spread over the lanes.
template <class A> struct Running {
  static constexpr int64_t size = round_up(kQueries, Vec<A>::size);
  std::array<A, size> top, sum;
  std::array<Vec<A>, kQueries> lanes;
};

/// Replaces the scores of n keys by exp2(score - new maximum), and rescales the earlier sums to the new maximum.
/// Three separate loops over the rows, because the horizontal reductions within one row would wait for each other.
template <class A>
void softmax_tile(A* scores, int64_t rows, int64_t n, bool first, Running<A>& run, A* y, int64_t width) {
  using V = Vec<A>;
  const int64_t whole = round_up(n, V::size) - V::size;  // the last vector may have lanes beyond the last key
  const V edge = live(V(A(0)), -std::numeric_limits<A>::infinity(), int(n - whole));
  std::array<A, kQueries> top;
  for (int64_t r = 0; r < rows; ++r) {
    A* row = scores + r * kScores;
    V best = V::load(row + whole) + edge;
    best.store(row + whole);
    for (int64_t j = 0; j < whole; j += V::size) best = max(V::load(row + j), best);
    top[r] = lane_max(best);
  }
  for (int64_t r = 0; r < rows; ++r) {
    if (first) {
      run.lanes[r] = V(A(0));
    } else if (top[r] > run.top[r]) {
      const V shrink = exp2_negative(V(run.top[r] - top[r]));
      run.lanes[r] *= shrink;
      for (int64_t d = 0; d < width; d += V::size) (V::load(y + r * width + d) * shrink).store(y + r * width + d);
    } else {
      continue;
    }
    run.top[r] = top[r];
  }
  for (int64_t r = 0; r < rows; ++r) {
    A* row = scores + r * kScores;
    V sum = run.lanes[r], shift(run.top[r]);
    for (int64_t j = 0; j <= whole; j += V::size) {
      V p = exp2_negative(V::load(row + j) - shift);
      p.store(row + j);
      sum += p;
    }
    run.lanes[r] = sum;
  }
}

/// Computes queries [begin, begin + rows) of one head.
template <class T, class A>
void block(const T* q, const Head<A>& head, T* y, A* lse, const Attention& s, int64_t b, int64_t h, int64_t begin,
           int64_t rows, A* queries, A* sums) {
  using V = Vec<A>;
  alignas(64) A scores[kQueries * kScores];
  const int64_t width = channels<A>(s), stride = s.heads * s.D;
  pack_rows(q + s.query(b, h, begin), stride, rows, s.D, A(s.scale * kLog2e), queries, width, kQueries);
  prefetch_rows(q + s.query(b, h, begin + kQueries), stride, rows, s.D);
  Running<A> run;
  run.top.fill(0), run.sum.fill(1);
  for (int64_t j = 0; j < s.M; j += kKeys) {
    const int64_t n = std::min(kKeys, s.M - j);
    score(queries, width, head.keys + j * s.D, s.D, n, scores, rows);
    softmax_tile(scores, rows, n, j == 0, run, sums, width);
    products<false>(scores, kScores, head.values + j * width, width, n, sums, width, j > 0, rows, width / V::size);
  }
  for (int64_t r = 0; r < rows; ++r) run.sum[r] = lane_sum(run.lanes[r]);
  for (int64_t r = 0; r < rows; ++r)
    each_vec<A>(s.D, [&, inverse = V(1 / run.sum[r]), to = y + s.query(b, h, begin + r)](int64_t d, auto lanes) {
      store(V::load(sums + r * width + d) * inverse, to + d, lanes);
    });
  each_vec<A>(rows, [&](int64_t r, auto lanes) {
    store(V::load(&run.top[r]) * V(A(kLn2)) + camo::log(V::load(&run.sum[r])),
          lse + (b * s.heads + h) * s.N + begin + r, lanes);
  });
}

}  // namespace

template <class T> void attention(const T* q, const T* k, const T* v, T* y, acc_t<T>* lse, const Attention& s) {
  using A = acc_t<T>;
#ifdef CAMO_BF16_UNITS
  if constexpr (std::is_same_v<T, bf16>)
    if (bf16_units() != Bf16Units::off) return attention_on_units(q, k, v, y, lse, s);
#endif
  const int64_t width = channels<A>(s), stride = s.heads * s.D;
  const int64_t key_size = round_up(s.M, kPanel<A>) * s.D, value_size = s.M * width;
  const int64_t blocks = ceil_div(s.N, kQueries);
  Scratch<A> keys(s.B * s.heads * key_size), values(s.B * s.heads * value_size);
  pack_heads(k, s, key_size, keys + 0, [&](const T* x, A* to) { pack_panels(x, stride, s.M, s.D, to); });
  pack_heads(v, s, value_size, values + 0,
             [&](const T* x, A* to) { pack_rows(x, stride, s.M, s.D, A(1), to, width, s.M); });
  parallel_chunks(s.B * s.heads * blocks, 4, [&](int64_t first, int64_t last) {
    Scratch<A> queries(kQueries * width), sums(kQueries * width);
    for (int64_t i = first; i < last; ++i) {
      const int64_t head = i / blocks, begin = i % blocks * kQueries;
      block(q, Head<A>{keys + head * key_size, values + head * value_size}, y, lse, s, head / s.heads, head % s.heads,
            begin, std::min(kQueries, s.N - begin), queries + 0, sums + 0);
    }
  });
}

template void attention(const float*, const float*, const float*, float*, float*, const Attention&);
template void attention(const double*, const double*, const double*, double*, double*, const Attention&);
template void attention(const bf16*, const bf16*, const bf16*, bf16*, float*, const Attention&);

}  // namespace camo::kernel
