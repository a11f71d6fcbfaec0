// Backward pass of attention; attention.h explains the method.
//
//   P = exp(S - lse),  dV = P^T dY,  dS = P (dY V^T - delta),  delta = rowsum(dY Y),
//   dQ = scale dS K,  dK = scale dS^T Q
//
// One loop over the tiles computes all three gradients.  Each task owns the dq of its queries.  It sums dk
// and dv privately over a range of queries, whose length depends on the sizes alone; the ranges of a head are
// then added in order.
#include "tensor/cpu/kernels/attention_tile.h"
#include "tensor/cpu/kernels/attention_units.h"

namespace camo::kernel {
namespace {

constexpr int64_t kQueries = 48;  // queries per block

/// Keys and values of one head, in both packed layouts.
template <class A> struct Head { const A *key_panels, *value_panels, *keys; };

/// Scratch memory of one task.
template <class A> struct Block {
  explicit Block(int64_t width)
      : memory(3 * kQueries * width + 2 * kQueries * kScores),
        q(memory),
        dy(q + kQueries * width),
        dq(dy + kQueries * width),
        p(dq + kQueries * width),
        ds(p + kQueries * kScores) {}
  Scratch<A> memory;
  A *q, *dy, *dq, *p, *ds;  // q is scaled by scale * log2(e); p and ds hold scores and dP at first
  A lse[kQueries], delta[kQueries];
};

/// Packs rows of q and dy for a block; computes their lse (in units of log2) and delta.
template <class T, class A>
void pack_queries(const T* q, const T* dy, const T* y, const A* lse, const Attention& s, int64_t b, int64_t h,
                  int64_t begin, int64_t rows, Block<A>& block) {
  const int64_t width = channels<A>(s), at = s.query(b, h, begin), stride = s.heads * s.D;
  pack_rows(q + at, stride, rows, s.D, A(s.scale * kLog2e), block.q, width, kQueries);
  pack_rows(dy + at, stride, rows, s.D, A(1), block.dy, width, kQueries);
  for (const T* x : {q, dy, y}) prefetch_rows(x + at + kQueries * stride, stride, rows, s.D);
  for (int64_t r = 0; r < rows; ++r) {
    block.lse[r] = lse[(b * s.heads + h) * s.N + begin + r] * A(kLog2e);
    block.delta[r] = row_sum<A>(s.D, [&](int64_t d, auto lanes) {
      return Vec<A>::load(block.dy + r * width + d) * load<A>(y + at + r * stride + d, lanes);
    });
  }
}

/// Turns scores into P, and dP into dS.
template <class A> void slopes(Block<A>& block, int64_t rows, int64_t n) {
  using V = Vec<A>;
  for (int64_t r = 0; r < rows; ++r) {
    const V lse(block.lse[r]), delta(block.delta[r]);
    A *p = block.p + r * kScores, *ds = block.ds + r * kScores;
    for (int64_t j = 0; j < n; j += V::size) {
      V probability = exp2_negative(V::load(p + j) - lse);
      probability.store(p + j);
      (probability * (V::load(ds + j) - delta)).store(ds + j);
    }
  }
}

/// Processes a block against all keys: dq of its rows, and its part of dk and dv.
template <class T, class A>
void backward_block(Block<A>& block, const Head<A>& head, const Attention& s, T* dq, int64_t rows, A* dk, A* dv) {
  using V = Vec<A>;
  const int64_t width = channels<A>(s), vecs = width / V::size;
  for (int64_t j = 0; j < s.M; j += kKeys) {
    const int64_t n = std::min(kKeys, s.M - j);
    score(block.q, width, head.key_panels + j * s.D, s.D, n, block.p, rows);
    score(block.dy, width, head.value_panels + j * s.D, s.D, n, block.ds, rows);
    slopes(block, rows, n);
    products<false>(block.ds, kScores, head.keys + j * width, width, n, block.dq, width, j > 0, rows, vecs);
    products<true>(block.p, kScores, block.dy, width, rows, dv + j * width, width, true, n, vecs);
    products<true>(block.ds, kScores, block.q, width, rows, dk + j * width, width, true, n, vecs);
  }
  for (int64_t r = 0; r < rows; ++r)
    each_vec<A>(s.D, [&](int64_t d, auto lanes) {
      store(V::load(block.dq + r * width + d) * V(A(s.scale)), dq + r * s.heads * s.D + d, lanes);
    });
}

}  // namespace

template <class T>
void attention_backward(const T* dy, const T* q, const T* k, const T* v, const T* y, const acc_t<T>* lse, T* dq, T* dk,
                        T* dv, const Attention& s) {
  using A = acc_t<T>;
#ifdef CAMO_BF16_UNITS
  if constexpr (std::is_same_v<T, bf16>)
    if (bf16_units() != Bf16Units::off) return attention_backward_on_units(dy, q, k, v, y, lse, dq, dk, dv, s);
#endif
  const int64_t width = channels<A>(s), stride = s.heads * s.D, heads = s.B * s.heads;
  const int64_t panel_size = round_up(s.M, kPanel<A>) * s.D, row_size = s.M * width;
  Scratch<A> key_panels(heads * panel_size), value_panels(heads * panel_size), keys(heads * row_size);
  auto panels = [&](const T* x, A* to) { pack_panels(x, stride, s.M, s.D, to); };
  pack_heads(k, s, panel_size, key_panels + 0, panels);
  pack_heads(v, s, panel_size, value_panels + 0, panels);
  pack_heads(k, s, row_size, keys + 0,
             [&](const T* x, A* to) { pack_rows(x, stride, s.M, s.D, A(1), to, width, s.M); });

  const QueryRanges ranges(s, kQueries);
  const int64_t sum_size = round_up(s.M, kRowUnit) * width;
  Scratch<A> sums(heads * ranges.count * 2 * sum_size);
  parallel_for(heads * ranges.count, kGrain, [&](int64_t i) {
    const int64_t head = i / ranges.count, b = head / s.heads, h = head % s.heads;
    A* sum = sums + i * 2 * sum_size;
    std::fill_n(sum, 2 * sum_size, A(0));
    Block<A> block(width);
    for (int64_t begin = ranges.begin(i), last = ranges.end(i); begin < last; begin += kQueries) {
      const int64_t rows = std::min(kQueries, last - begin);
      pack_queries(q, dy, y, lse, s, b, h, begin, rows, block);
      backward_block(block,
                     Head<A>{key_panels + head * panel_size, value_panels + head * panel_size, keys + head * row_size},
                     s, dq + s.query(b, h, begin), rows, sum, sum + sum_size);
    }
  });
  add_ranges(sums + 0, ranges.count, sum_size, width, A(kLn2), s, dk, dv);  // q was scaled by log2(e)
}

template void attention_backward(const float*, const float*, const float*, const float*, const float*, const float*,
                                 float*, float*, float*, const Attention&);
template void attention_backward(const double*, const double*, const double*, const double*, const double*,
                                 const double*, double*, double*, double*, const Attention&);
template void attention_backward(const bf16*, const bf16*, const bf16*, const bf16*, const bf16*, const float*, bf16*,
                                 bf16*, bf16*, const Attention&);

}  // namespace camo::kernel
