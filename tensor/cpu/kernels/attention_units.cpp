// Attention of bf16 numbers on bf16 instructions; attention_units.h explains the method.
#include "tensor/cpu/kernels/attention_units.h"

#include <array>
#include <limits>

#ifdef CAMO_BF16_UNITS
namespace camo::kernel {
namespace {

using V = Vec<float>;

// ---- forward -------------------------------------------------------------------------------------------------

constexpr int64_t kUnitQueries = 32, kUnitKeys = 128;  // a block of scores is 16 KiB
constexpr int kUnitVecs = int(kUnitQueries / kLanes);
using Lanes = std::array<V, kUnitVecs>;  // one number for each query of a block

/// Memory of one task.
struct Forward {
  Forward(int64_t D, int64_t step)
      : width(round_up(D, kLanes)),
        deep(round_up(D, step)),
        pairs((deep + kUnitKeys) / 2 * kUnitQueries),
        numbers((kUnitKeys + 2 * width) * kUnitQueries),
        q(pairs),
        p(q + deep / 2 * kUnitQueries),
        scores(numbers),
        sums(scores + kUnitKeys * kUnitQueries),
        across(sums + width * kUnitQueries) {}
  int64_t width, deep;  // channels in whole vectors, and in whole steps of a product
  Scratch<Pair> pairs;
  Scratch<float> numbers;
  Pair *q, *p;
  float *scores, *sums, *across;
  Lanes top, total;  // the running softmax: maximum, in units of log2, and sum of exponentials
};

/// The larger of `top` and the largest score of n keys, times scale.
Lanes largest(const float* scores, int64_t n, V scale, Lanes top) {
  std::array<Lanes, 4> best{top, top, top, top};  // several chains: one would wait for each maximum
  for (int64_t i = 0; i < n; i += 4)
    for (int64_t u = 0; u < 4; ++u)
      for (int v = 0; v < kUnitVecs; ++v)
        best[u][v] = max(V::load(scores + std::min(i + u, n - 1) * kUnitQueries + v * kLanes) * scale, best[u][v]);
  for (int v = 0; v < kUnitVecs; ++v) top[v] = max(max(best[0][v], best[1][v]), max(best[2][v], best[3][v]));
  return top;
}

/// Pairs of keys of P = exp2(scale S - top), zeros up to `padded` keys; adds them to the totals.
void exponentials(Forward& task, int64_t n, int64_t padded, V scale) {
  for (int64_t i = 0; i < n; i += 2)
    for (int v = 0; v < kUnitVecs; ++v) {
      const float* s = task.scores + i * kUnitQueries + v * kLanes;
      const V first = exp2_negative(V::load(s) * scale - task.top[v]);
      const V second = i + 1 < n ? exp2_negative(V::load(s + kUnitQueries) * scale - task.top[v]) : V(0);
      task.total[v] += first + second;
      Unit<Pair>::join(first, second, task.p + i / 2 * kUnitQueries + v * kLanes);
    }
  std::fill(task.p + ceil_div(n, 2) * kUnitQueries, task.p + padded / 2 * kUnitQueries, Pair{});
}

/// One block of queries of a head; keys: rows, values: transposed.
template <class Units>
void forward_block(const Units& multiply, Forward& task, const bf16* keys, const bf16* values, const Attention& s) {
  constexpr int64_t kStep = Units::kStep;
  const int64_t deep = task.deep, ld = round_up(s.M, kStep);
  const V scale(float(s.scale * kLog2e));
  task.top.fill(V(-std::numeric_limits<float>::infinity()));
  task.total.fill(V(0));
  for (int64_t j = 0; j < s.M; j += kUnitKeys) {
    const int64_t n = std::min(kUnitKeys, s.M - j), padded = round_up(n, kStep);
    multiply(keys + j * deep, deep, task.q, kUnitQueries, deep, task.scores, kUnitQueries, round_up(n, kLanes),
             kUnitQueries, false);
    const Lanes top = largest(task.scores, n, scale, task.top);
    for (int v = 0; v < kUnitVecs && j > 0; ++v) {
      const V shrink = exp2_negative(task.top[v] - top[v]);
      task.total[v] *= shrink;
      for (int64_t d = 0; d < task.width; ++d) {
        float* sum = task.sums + d * kUnitQueries + v * kLanes;
        (V::load(sum) * shrink).store(sum);
      }
    }
    task.top = top;
    exponentials(task, n, padded, scale);
    multiply(values + j, ld, task.p, kUnitQueries, padded, task.sums, kUnitQueries, task.width, kUnitQueries, j > 0);
  }
}

template <class Units>
void forward(const bf16* q, const bf16* k, const bf16* v, bf16* y, float* lse, const Attention& s) {
  const int64_t stride = s.heads * s.D, deep = round_up(s.D, Units::kStep), ld = round_up(s.M, Units::kStep);
  const int64_t rows = round_up(s.M, kLanes), key_size = rows * deep, value_size = round_up(s.D, kLanes) * ld;
  const int64_t blocks = ceil_div(s.N, kUnitQueries);
  Scratch<bf16> keys(s.B * s.heads * key_size), values(s.B * s.heads * value_size);
  pack_heads(k, s, key_size, keys + 0,
             [&](const bf16* x, bf16* to) { pack_numbers(x, stride, s.M, s.D, deep, rows, to); });
  pack_heads(v, s, value_size, values + 0,
             [&](const bf16* x, bf16* to) { pack_numbers_transposed(x, stride, s.M, s.D, ld, to); });
  parallel_chunks(s.B * s.heads * blocks, 4, [&](int64_t first, int64_t last) {
    Forward task(s.D, Units::kStep);
    const Units multiply;
    for (int64_t i = first; i < last; ++i) {
      const int64_t head = i / blocks, b = head / s.heads, h = head % s.heads, begin = i % blocks * kUnitQueries;
      const int64_t count = std::min(kUnitQueries, s.N - begin), at = s.query(b, h, begin);
      pack_channel_pairs(q + at, stride, count, s.D, deep, kUnitVecs, task.q);
      prefetch_rows(q + at + kUnitQueries * stride, stride, count, s.D);
      forward_block(multiply, task, keys + head * key_size, values + head * value_size, s);
      alignas(64) float total[kUnitQueries], logs[kUnitQueries];
      for (int v = 0; v < kUnitVecs; ++v) {
        task.total[v].store(total + v * kLanes);
        (task.top[v] * V(float(kLn2)) + camo::log(task.total[v])).store(logs + v * kLanes);
      }
      std::copy_n(logs, count, lse + head * s.N + begin);
      write_transposed(task.sums, kUnitQueries, count, s.D, task.across, y + at, stride,
                       [&](int64_t r) { return 1 / total[r]; });
    }
  });
}

// ---- backward ------------------------------------------------------------------------------------------------

constexpr int64_t kSide = 64;  // queries and keys of a block

/// Memory of one task; q and dy: pairs of channels, then pairs of queries.
struct Backward {
  Backward(int64_t D, int64_t step)
      : width(round_up(D, kLanes)),
        deep(round_up(D, step)),
        pairs(kSide * (deep + width) + kSide * kSide / 2),
        numbers(2 * kSide * kSide + 2 * width * kSide),
        rounded(2 * kSide * kSide),
        q(pairs),
        dy(q + deep / 2 * kSide),
        q_rows(dy + deep / 2 * kSide),
        dy_rows(q_rows + kSide / 2 * width),
        ds_keys(dy_rows + kSide / 2 * width),
        scores(numbers),
        dp(scores + kSide * kSide),
        dq(dp + kSide * kSide),
        across(dq + width * kSide),
        p(rounded),
        ds(p + kSide * kSide) {}
  int64_t width, deep;
  Scratch<Pair> pairs;
  Scratch<float> numbers;
  Scratch<bf16> rounded;
  Pair *q, *dy, *q_rows, *dy_rows, *ds_keys;
  float *scores, *dp, *dq, *across;
  bf16 *p, *ds;
  alignas(64) float lse[kSide], delta[kSide];  // lse in units of log2; delta = rowsum(dY Y)
};

void load_queries(const bf16* q, const bf16* dy, const bf16* y, const float* lse, int64_t rows, const Attention& s,
                  Backward& task) {
  const int64_t stride = s.heads * s.D;
  pack_channel_pairs(q, stride, rows, s.D, task.deep, int(kSide / kLanes), task.q);
  pack_channel_pairs(dy, stride, rows, s.D, task.deep, int(kSide / kLanes), task.dy);
  pack_row_pairs(q, stride, rows, s.D, kSide, task.q_rows);
  pack_row_pairs(dy, stride, rows, s.D, kSide, task.dy_rows);
  for (const bf16* x : {q, dy, y}) prefetch_rows(x + kSide * stride, stride, rows, s.D);
  std::fill(task.lse, task.lse + kSide,
            0.0f);  // queries beyond the last have dy = 0 and give nothing, if keys are finite
  std::fill(task.delta, task.delta + kSide, 0.0f);
  for (int64_t r = 0; r < rows; ++r) {
    task.lse[r] = lse[r] * float(kLog2e);
    task.delta[r] = row_sum<float>(s.D, [&](int64_t d, auto lanes) {
      return load<float>(dy + r * stride + d, lanes) * load<float>(y + r * stride + d, lanes);
    });
  }
}

/// Rounded P^T and dS^T of n keys, whose further rows are not set: they reach only rows of dk and dv that nobody reads.
/// And dS^T as pairs of keys, zeros up to `padded` keys.
void slopes(Backward& task, int64_t n, int64_t padded, V scale) {
  for (int64_t x = 0; x < kSide; x += kLanes) {
    const V lse = V::load(task.lse + x), delta = V::load(task.delta + x);
    auto slope = [&](int64_t key) {
      const int64_t at = key * kSide + x;
      const V p = exp2_negative(V::load(task.scores + at) * scale - lse), ds = p * (V::load(task.dp + at) - delta);
      Unit<Pair>::store(p, task.p + at);
      Unit<Pair>::store(ds, task.ds + at);
      return ds;
    };
    for (int64_t i = 0; i < n; i += 2) {
      const V first = slope(i), second = i + 1 < n ? slope(i + 1) : V(0);
      Unit<Pair>::join(first, second, task.ds_keys + i / 2 * kSide + x);
    }
  }
  std::fill(task.ds_keys + ceil_div(n, 2) * kSide, task.ds_keys + padded / 2 * kSide, Pair{});
}

/// Packed keys and values of one head.
struct HeadRows {
  const bf16 *keys, *values, *keys_transposed;
};

/// One block of queries against all keys: dq of its rows, and its part of dk (without scale) and dv.
template <class Units>
void backward_block(const Units& multiply, Backward& task, const HeadRows& head, const Attention& s, float* dk,
                    float* dv) {
  const int64_t deep = task.deep, width = task.width, ld = round_up(s.M, Units::kStep);
  for (int64_t j = 0; j < s.M; j += kSide) {
    const int64_t n = std::min(kSide, s.M - j), rows = round_up(n, kLanes), padded = round_up(n, Units::kStep);
    multiply(head.keys + j * deep, deep, task.q, kSide, deep, task.scores, kSide, rows, kSide, false);
    multiply(head.values + j * deep, deep, task.dy, kSide, deep, task.dp, kSide, rows, kSide, false);
    slopes(task, n, padded, V(float(s.scale * kLog2e)));
    multiply(task.p, kSide, task.dy_rows, width, kSide, dv + j * width, width, rows, width, true);
    multiply(task.ds, kSide, task.q_rows, width, kSide, dk + j * width, width, rows, width, true);
    multiply(head.keys_transposed + j, ld, task.ds_keys, kSide, padded, task.dq, kSide, width, kSide, j > 0);
  }
}

template <class Units>
void backward(const bf16* dy, const bf16* q, const bf16* k, const bf16* v, const bf16* y, const float* lse, bf16* dq,
              bf16* dk, bf16* dv, const Attention& s) {
  const int64_t stride = s.heads * s.D, heads = s.B * s.heads, width = round_up(s.D, kLanes);
  const int64_t deep = round_up(s.D, Units::kStep), ld = round_up(s.M, Units::kStep);
  const int64_t rows = round_up(s.M, kLanes), size = rows * deep, across = width * ld;
  Scratch<bf16> keys(heads * size), values(heads * size), transposed(heads * across);
  auto pack = [&](const bf16* x, bf16* to) { pack_numbers(x, stride, s.M, s.D, deep, rows, to); };
  pack_heads(k, s, size, keys + 0, pack);
  pack_heads(v, s, size, values + 0, pack);
  pack_heads(k, s, across, transposed + 0,
             [&](const bf16* x, bf16* to) { pack_numbers_transposed(x, stride, s.M, s.D, ld, to); });
  const QueryRanges ranges(s, kSide);
  const int64_t sum_size = rows * width;
  Scratch<float> sums(heads * ranges.count * 2 * sum_size);
  parallel_for(heads * ranges.count, kGrain, [&](int64_t i) {
    const int64_t head = i / ranges.count, b = head / s.heads, h = head % s.heads;
    float* sum = sums + i * 2 * sum_size;
    std::fill_n(sum, 2 * sum_size, 0.0f);
    Backward task(s.D, Units::kStep);
    const Units multiply;
    const HeadRows packed{keys + head * size, values + head * size, transposed + head * across};
    for (int64_t begin = ranges.begin(i), last = ranges.end(i); begin < last; begin += kSide) {
      const int64_t count = std::min(kSide, last - begin), at = s.query(b, h, begin);
      load_queries(q + at, dy + at, y + at, lse + head * s.N + begin, count, s, task);
      backward_block(multiply, task, packed, s, sum, sum + sum_size);
      write_transposed(task.dq, kSide, count, s.D, task.across, dq + at, stride,
                       [&](int64_t) { return float(s.scale); });
    }
  });
  add_ranges(sums + 0, ranges.count, sum_size, width, float(s.scale), s, dk, dv);
}

}  // namespace

void attention_on_units(const bf16* q, const bf16* k, const bf16* v, bf16* y, float* lse, const Attention& s) {
  with_units([&]<class Units>() { forward<Units>(q, k, v, y, lse, s); });
}

void attention_backward_on_units(const bf16* dy, const bf16* q, const bf16* k, const bf16* v, const bf16* y,
                                 const float* lse, bf16* dq, bf16* dk, bf16* dv, const Attention& s) {
  with_units([&]<class Units>() { backward<Units>(dy, q, k, v, y, lse, dq, dk, dv, s); });
}

}  // namespace camo::kernel
#endif
