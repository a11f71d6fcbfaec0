// Attention within windows, forward and backward; window_attention.h explains the method.
//
//   P = softmax(S),  dV = P^T dY,  dP = dY V^T,  dS = P (dP - rowsum(P dP)),  dQ = scale dS K,  dK = scale dS^T Q
//
// Scores are in units of log2: q is scaled by scale * log2(e).  Tokens beyond the map have dy = 0, so they give no
// gradient as queries.  As keys they do, and it goes to the extra rows behind the maps.  A bias gradient is summed over
// a chunk of windows, whose length depends on the sizes alone.
#include "tensor/cpu/kernels/window_attention.h"

#include <cmath>
#include <limits>

#include "tensor/cpu/kernels/attention_tile.h"
#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/kernels/window_attention_units.h"

namespace camo::kernel {
namespace {

/// Tiles of 5 or 10 rows: they cover the 49 tokens of a 7 x 7 window with one row to spare.
constexpr int window_rows(int vecs) { return vecs <= kTileVecs / 2 ? 10 : 5; }
constexpr int64_t kWindowRows = 10;

/// Scratch memory of one (window, head): rows of q, k, v, dy and a result, transposed copies, scores.
template <class A> struct Work {
  const Windows& w;
  int64_t n, width, lanes, padded;  // tokens; channels and tokens in whole vectors; tokens in whole tiles
  Scratch<int64_t> rows;
  Scratch<A> memory;
  A *q, *k, *v, *dy, *out, *across, *scores, *slopes;
  A *part, *sum, *top, *delta;  // one number per token

  explicit Work(const Windows& w)
      : w(w),
        n(w.tokens()),
        width(round_up(w.D, Vec<A>::size)),
        lanes(round_up(n, Vec<A>::size)),
        padded(round_up(n, kWindowRows)),
        rows(n),
        memory(5 * padded * width + w.D * lanes + 2 * padded * lanes + 4 * lanes),
        q(memory),
        k(q + padded * width),
        v(k + padded * width),
        dy(v + padded * width),
        out(dy + padded * width),
        across(out + padded * width),
        scores(across + w.D * lanes),
        slopes(scores + padded * lanes),
        part(slopes + padded * lanes),
        sum(part + lanes),
        top(sum + lanes),
        delta(top + lanes) {
    std::fill_n(q, padded * width, A(0));  // rows up to `padded` are computed too; their results are not used
    std::fill_n(dy, padded * width, A(0));
  }

  /// Finds the row and the part of each token of a window.
  void find(int64_t window) {
    const Windows::Corner corner = w.corner(window);
    const bool mixed = w.mixed(window);
    for (int64_t y = 0, i = 0; y < w.size.height; ++y)
      for (int64_t x = 0; x < w.size.width; ++x, ++i) {
        rows[i] = w.row(corner, y, x);
        if (mixed) part[i] = A(w.part(corner, y, x));
      }
  }
  /// Gathers channels of part s (q, k or v) of the rows, times factor.
  template <class T> void gather(const T* qkv, const T* pad, int s, int64_t h, A factor, A* to) const {
    const int64_t C = w.channels();
    for (int64_t i = 0; i < n; ++i) {
      const T* x = (rows[i] < w.rows() ? qkv + rows[i] * 3 * C : pad) + s * C + h * w.D;
      each_vec<A>(w.D, [&](int64_t d, auto live) { (load<A>(x + d, live) * factor).store(to + i * width + d); });
    }
  }
  /// c = x z^T (n x lanes); rows of x and z are channels.
  void score(const A* x, const A* z, A* c) const {
    pack_panel_transposed(z, width, w.D, n, int(lanes / Vec<A>::size), across);
    products<false, window_rows>(x, width, across, lanes, w.D, c, lanes, false, n, lanes / Vec<A>::size);
  }
  /// c = m z or m^T z (n x width); m is scores or slopes.
  template <bool kAcross> void multiply(const A* m, const A* z, A* c) const {
    products<kAcross, window_rows>(m, lanes, z, width, n, c, width, false, n, width / Vec<A>::size);
  }
};

/// Adds bias and mask to the scores and finds the rows' maxima.  Lanes beyond the last key become -infinity.
template <class A> void add_bias(const Work<A>& work, const A* bias, bool mixed) {
  using V = Vec<A>;
  const A lowest = -std::numeric_limits<A>::infinity();
  auto rows = [&](const auto& mask) {
    for (int64_t i = 0; i < work.n; ++i) {
      A* row = work.scores + i * work.lanes;
      V best(lowest);
      each_vec<A>(work.n, [&](int64_t j, auto lanes) {
        V s = V::load(row + j) + load<A>(bias + i * work.n + j, lanes) * V(A(kLog2e));
        s = live(mask(i, j, s), lowest, lanes);
        s.store(row + j);
        best = max(s, best);
      });
      work.top[i] = lane_max(best);
    }
  };
  if (!mixed) return rows([](int64_t, int64_t, V s) { return s; });
  rows([&](int64_t i, int64_t j, V s) {
    return where(V::load(work.part + j) == V(work.part[i]), s, s + V(A(kMask * kLog2e)));
  });
}

/// Turns the scores of one (window, head) into exp2(score - top), and sums the rows.
template <class A> void exponentials(const Work<A>& work) {
  using V = Vec<A>;
  for (int64_t i = 0; i < work.n; ++i) {
    A* row = work.scores + i * work.lanes;
    V sum(A(0)), top(work.top[i]);
    for (int64_t j = 0; j < work.lanes; j += V::size) {
      const V e = exp2_negative(V::load(row + j) - top);
      e.store(row + j);
      sum += e;
    }
    work.sum[i] = lane_sum(sum);
  }
}

template <class T, class A>
void load_scores(Work<A>& work, const T* qkv, const T* pad, const A* bias, int64_t window, int64_t h) {
  const Windows& w = work.w;
  work.gather(qkv, pad, 0, h, A(kLog2e / std::sqrt(double(w.D))), work.q);
  work.gather(qkv, pad, 1, h, A(1), work.k);
  work.gather(qkv, pad, 2, h, A(1), work.v);
  work.score(work.q, work.k, work.scores);
  add_bias(work, bias + h * work.n * work.n, w.mixed(window));
  exponentials(work);
}

/// Turns exponentials into P, and dP into dS, which is also added to dbias (n x lanes).
template <class A> void slopes(const Work<A>& work, A* dbias) {
  using V = Vec<A>;
  for (int64_t i = 0; i < work.n; ++i) {
    const A *p = work.scores + i * work.lanes, *dp = work.slopes + i * work.lanes;
    V sum(A(0));
    for (int64_t j = 0; j < work.lanes; j += V::size) sum += V::load(p + j) * V::load(dp + j);
    work.delta[i] = lane_sum(sum) / work.sum[i];
  }
  for (int64_t i = 0; i < work.n; ++i) {
    A *p = work.scores + i * work.lanes, *ds = work.slopes + i * work.lanes, *to = dbias + i * work.lanes;
    const V inverse(1 / work.sum[i]), delta(work.delta[i]);
    for (int64_t j = 0; j < work.lanes; j += V::size) {
      const V probability = V::load(p + j) * inverse, slope = probability * (V::load(ds + j) - delta);
      probability.store(p + j);
      slope.store(ds + j);
      (V::load(to + j) + slope).store(to + j);
    }
  }
}

/// All gradients of one (window, head), after find().
template <class T, class A>
void backward_item(Work<A>& work, const T* dy, const T* qkv, const T* pad, const A* bias, T* dqkv, A* dbias,
                   int64_t window, int64_t h) {
  const Windows& w = work.w;
  const int64_t C = w.channels(), width = work.width;
  load_scores(work, qkv, pad, bias, window, h);
  for (int64_t i = 0; i < work.n; ++i) {
    if (work.rows[i] >= w.rows()) std::fill_n(work.dy + i * width, width, A(0));
    else pack_rows(dy + work.rows[i] * C + h * w.D, 0, 1, w.D, A(1), work.dy + i * width, width, 1);
  }
  work.score(work.dy, work.v, work.slopes);
  slopes(work, dbias);
  auto write = [&](int s, A factor) {
    for (int64_t i = 0; i < work.n; ++i) {
      T* to = dqkv + (work.rows[i] * 3 + s) * C + h * w.D;
      each_vec<A>(w.D, [&](int64_t d, auto live) {
        store(Vec<A>::load(work.out + i * width + d) * Vec<A>(factor), to + d, live);
      });
    }
  };
  work.template multiply<false>(work.slopes, work.k, work.out);
  write(0, A(1 / std::sqrt(double(w.D))));
  work.template multiply<true>(work.slopes, work.q, work.out);
  write(1, A(kLn2));  // q was scaled by log2(e)
  work.template multiply<true>(work.scores, work.dy, work.out);
  write(2, A(1));
}

}  // namespace

template <class T> void window_attention(const T* qkv, const T* pad, const acc_t<T>* bias, T* y, const Windows& w) {
  using A = acc_t<T>;
#ifdef CAMO_BF16_UNITS
  if constexpr (std::is_same_v<T, bf16>)
    if (bf16_units() != Bf16Units::off) return window_attention_on_units(qkv, pad, bias, y, w);
#endif
  const int64_t grain = std::max<int64_t>(4, kGrain / (w.tokens() * w.tokens()));
  parallel_chunks(w.count() * w.heads, grain, [&](int64_t first, int64_t last) {
    Work<A> work(w);
    for (int64_t i = first; i < last; ++i) {
      const int64_t window = i / w.heads, h = i % w.heads;
      if (i == first || h == 0) work.find(window);
      load_scores(work, qkv, pad, bias, window, h);
      work.template multiply<false>(work.scores, work.v, work.out);
      for (int64_t t = 0; t < work.n; ++t) {
        if (work.rows[t] >= w.rows()) continue;
        T* to = y + work.rows[t] * w.channels() + h * w.D;
        each_vec<A>(w.D, [&, inverse = Vec<A>(1 / work.sum[t])](int64_t d, auto live) {
          store(Vec<A>::load(work.out + t * work.width + d) * inverse, to + d, live);
        });
      }
    }
  });
}

template <class T>
void window_attention_backward(const T* dy, const T* qkv, const T* pad, const acc_t<T>* bias, T* dqkv, acc_t<T>* dbias,
                               const Windows& w) {
  using A = acc_t<T>;
#ifdef CAMO_BF16_UNITS
  if constexpr (std::is_same_v<T, bf16>)
    if (bf16_units() != Bf16Units::off) return window_attention_backward_on_units(dy, qkv, pad, bias, dqkv, dbias, w);
#endif
  const int64_t n = w.tokens(), chunk = window_chunk(w);
  parallel_chunks(window_chunks(w) * w.heads, 1, [&](int64_t task, int64_t) {
    Work<A> work(w);
    Scratch<A> sums(n * work.lanes);
    std::fill_n(sums + 0, n * work.lanes, A(0));
    const int64_t h = task % w.heads, first = task / w.heads * chunk;
    for (int64_t window = first; window < std::min(first + chunk, w.count()); ++window) {
      work.find(window);
      backward_item(work, dy, qkv, pad, bias, dqkv, sums + 0, window, h);
    }
    for (int64_t i = 0; i < n; ++i) std::copy_n(sums + i * work.lanes, n, dbias + (task * n + i) * n);
  });
}

template void window_attention(const float*, const float*, const float*, float*, const Windows&);
template void window_attention(const double*, const double*, const double*, double*, const Windows&);
template void window_attention(const bf16*, const bf16*, const float*, bf16*, const Windows&);
template void window_attention_backward(const float*, const float*, const float*, const float*, float*, float*,
                                        const Windows&);
template void window_attention_backward(const double*, const double*, const double*, const double*, double*, double*,
                                        const Windows&);
template void window_attention_backward(const bf16*, const bf16*, const bf16*, const float*, bf16*, float*,
                                        const Windows&);

}  // namespace camo::kernel
