// Attention within windows, of bf16 numbers on bf16 instructions.  As in attention_units.h scores are transposed, a row
// for each key; as in window_attention.cpp all scores of a window are there at once.
#include "tensor/cpu/kernels/window_attention_units.h"

#include <cmath>
#include <limits>

#include "tensor/cpu/kernels/attention_units.h"

#ifdef CAMO_BF16_UNITS
namespace camo::kernel {
namespace {

/// Scratch memory of one (window, head).  q, k, v and dy have zeros behind the last token and the last channel.
struct WindowUnits {
  const Windows& w;
  int64_t n;            // tokens
  int64_t width, deep;  // channels in whole vectors, and in whole steps of a product
  int64_t lanes;        // length of a row of scores: queries in whole pairs of vectors, so at least `padded`
  int64_t padded;       // tokens in whole steps
  Scratch<int64_t> rows;
  Scratch<bf16> numbers;
  Scratch<Pair> pairs;
  Scratch<float> sums;
  bf16 *q, *k, *v, *dy, *across, *p, *ds;  // rows of channels; k or v transposed; rows of queries
  Pair *channels, *tokens;                 // right operands
  float *scores, *slopes, *out, *turned, *part, *total;

  WindowUnits(const Windows& w, int64_t step)
      : w(w),
        n(w.tokens()),
        width(round_up(w.D, kLanes)),
        deep(round_up(w.D, step)),
        lanes(round_up(n, 2 * kLanes)),
        padded(round_up(n, step)),
        rows(n),
        numbers(4 * lanes * deep + width * lanes + 2 * lanes * lanes),
        pairs(deep / 2 * lanes + lanes / 2 * std::max(lanes, width)),
        sums(2 * lanes * lanes + 2 * lanes * width + 2 * lanes),
        q(numbers),
        k(q + lanes * deep),
        v(k + lanes * deep),
        dy(v + lanes * deep),
        across(dy + lanes * deep),
        p(across + width * lanes),
        ds(p + lanes * lanes),
        channels(pairs),
        tokens(channels + deep / 2 * lanes),
        scores(sums),
        slopes(scores + lanes * lanes),
        out(slopes + lanes * lanes),
        turned(out + lanes * width),
        part(turned + lanes * width),
        total(part + lanes) {
    std::fill_n(q, 4 * lanes * deep, bf16(0.0f));
    std::fill_n(part, lanes, 0.0f);
  }

  /// Finds the row and the part of each token of a window.
  void find(int64_t window) {
    const Windows::Corner corner = w.corner(window);
    for (int64_t y = 0, i = 0; y < w.size.height; ++y)
      for (int64_t x = 0; x < w.size.width; ++x, ++i)
        rows[i] = w.row(corner, y, x), part[i] = float(w.part(corner, y, x));
  }
  /// Gathers rows of one head: at(row) is null for tokens that count as zeros.
  template <class At> void gather(const At& at, bf16* to) const {
    for (int64_t i = 0; i < n; ++i) {
      const bf16* x = at(rows[i]);
      if (x) std::copy_n(x, w.D, to + i * deep);
      else std::fill_n(to + i * deep, w.D, bf16(0.0f));
    }
  }
  void gather_qkv(const bf16* qkv, const bf16* pad, int64_t h) {
    const int64_t C = w.channels();
    bf16* const to[] = {q, k, v};
    for (int s = 0; s < 3; ++s)
      gather([&](int64_t row) { return (row < w.rows() ? qkv + row * 3 * C : pad) + s * C + h * w.D; }, to[s]);
  }

  /// scores = keys . queries, or values . dy, with a row for each key.
  template <class Units> void score(const Units& multiply, const bf16* keys, const bf16* queries, float* to) {
    pack_channel_pairs(queries, deep, n, w.D, deep, int(lanes / kLanes), channels);
    multiply(keys, deep, channels, lanes, deep, to, lanes, round_up(n, kLanes), lanes, false);
  }
  /// out (tokens, channels) = m z; m has a row for each key.
  template <class Units> void by_queries(const Units& multiply, const bf16* m, const bf16* z) {
    pack_row_pairs(z, deep, n, w.D, padded, tokens);
    multiply(m, lanes, tokens, width, padded, out, width, round_up(n, kLanes), width, false);
  }
  /// out (tokens, channels) = m^T z, where `tokens` holds m as pairs of keys.
  template <class Units> void by_keys(const Units& multiply, const bf16* z) {
    pack_numbers_transposed(z, deep, n, w.D, lanes, across);
    multiply(across, lanes, tokens, lanes, padded, turned, lanes, width, lanes, false);
    pack_panel_transposed(turned, lanes, n, w.D, int(width / kLanes), out);
  }
};

/// Adds bias (a row for each key, in units of log2) and mask to the scores of a vector of queries, turns them into
/// powers of 2 and returns their sum.
Vec<float> exponentials(const WindowUnits& work, const float* bias, bool mixed, int64_t x) {
  using V = Vec<float>;
  const V scale(float(kLog2e / std::sqrt(double(work.w.D)))), part = V::load(work.part + x);
  V best(-std::numeric_limits<float>::infinity()), total(0);
  for (int64_t j = 0; j < work.n; ++j) {
    V s = V::load(work.scores + j * work.lanes + x) * scale + V::load(bias + j * work.lanes + x);
    if (mixed) s = where(part == V(work.part[j]), s, s + V(float(kMask * kLog2e)));
    s.store(work.scores + j * work.lanes + x);
    best = max(s, best);
  }
  for (int64_t j = 0; j < work.n; ++j) {
    const V e = exp2_negative(V::load(work.scores + j * work.lanes + x) - best);
    e.store(work.scores + j * work.lanes + x);
    total += e;
  }
  return total;
}

/// Calls row(j) for every key j below n, and writes pairs of keys of what it returns; zeros up to `padded` keys.
template <class F> void write_pairs(WindowUnits& work, int64_t x, const F& row) {
  for (int64_t j = 0; j < work.n; j += 2) {
    const Vec<float> first = row(j), second = j + 1 < work.n ? row(j + 1) : Vec<float>(0);
    Unit<Pair>::join(first, second, work.tokens + j / 2 * work.lanes + x);
  }
  for (int64_t j = ceil_div(work.n, 2); j < work.padded / 2; ++j)
    std::fill_n(work.tokens + j * work.lanes + x, kLanes, Pair{});
}

/// Probabilities and slopes of a vector of queries, rounded, and the slopes' pairs of keys; dbias += slopes.
void slopes(WindowUnits& work, const float* bias, bool mixed, float* dbias, int64_t x) {
  using V = Vec<float>;
  const V inverse = V(1) / exponentials(work, bias, mixed, x);
  V delta(0);
  for (int64_t j = 0; j < work.n; ++j)
    delta += V::load(work.scores + j * work.lanes + x) * V::load(work.slopes + j * work.lanes + x);
  delta *= inverse;
  write_pairs(work, x, [&](int64_t j) {
    const int64_t at = j * work.lanes + x;
    const V p = V::load(work.scores + at) * inverse, slope = p * (V::load(work.slopes + at) - delta);
    Unit<Pair>::store(p, work.p + at);
    Unit<Pair>::store(slope, work.ds + at);
    (V::load(dbias + at) + slope).store(dbias + at);
    return slope;
  });
}

/// bias (heads, n, n) in units of log2 with a row of `lanes` for each key.
void turn_bias(const float* bias, const WindowUnits& work, float* to) {
  const int64_t n = work.n, lanes = work.lanes;
  parallel_for(work.w.heads * n, lanes, [=](int64_t row) {
    const int64_t h = row / n, j = row % n;
    for (int64_t query = 0; query < lanes; ++query)
      to[row * lanes + query] = query < n ? bias[(h * n + query) * n + j] * float(kLog2e) : 0.0f;
  });
}

template <class Units>
void windows_forward(const bf16* qkv, const bf16* pad, const float* bias, bf16* y, const Windows& w) {
  const WindowUnits sizes(w, Units::kStep);
  const int64_t each = sizes.n * sizes.lanes, grain = std::max<int64_t>(4, kGrain / (w.tokens() * w.tokens()));
  Scratch<float> turned(w.heads * each);
  turn_bias(bias, sizes, turned);
  parallel_chunks(w.count() * w.heads, grain, [&](int64_t first, int64_t last) {
    WindowUnits work(w, Units::kStep);
    const Units multiply;
    for (int64_t i = first; i < last; ++i) {
      const int64_t window = i / w.heads, h = i % w.heads;
      if (i == first || h == 0) work.find(window);
      work.gather_qkv(qkv, pad, h);
      work.score(multiply, work.k, work.q, work.scores);
      for (int64_t x = 0; x < work.lanes; x += kLanes) {
        exponentials(work, turned + h * each, w.mixed(window), x).store(work.total + x);
        write_pairs(work, x, [&](int64_t j) { return Vec<float>::load(work.scores + j * work.lanes + x); });
      }
      work.by_keys(multiply, work.v);
      for (int64_t t = 0; t < work.n; ++t) {
        if (work.rows[t] >= w.rows()) continue;
        bf16* to = y + work.rows[t] * w.channels() + h * w.D;
        each_vec<float>(w.D, [&, inverse = Vec<float>(1 / work.total[t])](int64_t d, auto live) {
          store(Vec<float>::load(work.out + t * work.width + d) * inverse, to + d, live);
        });
      }
    }
  });
}

/// All gradients of one (window, head), after find().
template <class Units>
void windows_backward_item(const Units& multiply, WindowUnits& work, const bf16* dy, const bf16* qkv, const bf16* pad,
                           const float* bias, bf16* dqkv, float* dbias, int64_t window, int64_t h) {
  const Windows& w = work.w;
  const int64_t C = w.channels();
  work.gather_qkv(qkv, pad, h);
  work.gather([&](int64_t row) { return row < w.rows() ? dy + row * C + h * w.D : nullptr; }, work.dy);
  work.score(multiply, work.k, work.q, work.scores);
  work.score(multiply, work.v, work.dy, work.slopes);
  for (int64_t x = 0; x < work.lanes; x += kLanes) slopes(work, bias, w.mixed(window), dbias, x);
  auto write = [&](int s, float factor) {
    for (int64_t i = 0; i < work.n; ++i) {
      bf16* to = dqkv + (work.rows[i] * 3 + s) * C + h * w.D;
      each_vec<float>(w.D, [&](int64_t d, auto live) {
        store(Vec<float>::load(work.out + i * work.width + d) * Vec<float>(factor), to + d, live);
      });
    }
  };
  const float scale = float(1 / std::sqrt(double(w.D)));
  work.by_keys(multiply, work.k);
  write(0, scale);
  work.by_queries(multiply, work.ds, work.q);
  write(1, scale);
  work.by_queries(multiply, work.p, work.dy);
  write(2, 1);
}

template <class Units>
void windows_backward(const bf16* dy, const bf16* qkv, const bf16* pad, const float* bias, bf16* dqkv, float* dbias,
                      const Windows& w) {
  const WindowUnits sizes(w, Units::kStep);
  const int64_t n = w.tokens(), chunk = window_chunk(w), each = n * sizes.lanes;
  Scratch<float> turned(w.heads * each);
  turn_bias(bias, sizes, turned);
  parallel_chunks(window_chunks(w) * w.heads, 1, [&](int64_t task, int64_t) {
    WindowUnits work(w, Units::kStep);
    const Units multiply;
    Scratch<float> sums(each);
    std::fill_n(sums + 0, each, 0.0f);
    const int64_t h = task % w.heads, first = task / w.heads * chunk;
    for (int64_t window = first; window < std::min(first + chunk, w.count()); ++window) {
      work.find(window);
      windows_backward_item(multiply, work, dy, qkv, pad, turned + h * each, dqkv, sums + 0, window, h);
    }
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) dbias[(task * n + i) * n + j] = sums[j * work.lanes + i];
  });
}

}  // namespace

void window_attention_on_units(const bf16* qkv, const bf16* pad, const float* bias, bf16* y, const Windows& w) {
  with_units([&]<class Units>() { windows_forward<Units>(qkv, pad, bias, y, w); });
}

void window_attention_backward_on_units(const bf16* dy, const bf16* qkv, const bf16* pad, const float* bias, bf16* dqkv,
                                        float* dbias, const Windows& w) {
  with_units([&]<class Units>() { windows_backward<Units>(dy, qkv, pad, bias, dqkv, dbias, w); });
}

}  // namespace camo::kernel
#endif
