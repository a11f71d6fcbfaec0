// Attention within windows on the GPU.  Rolling, padding and cutting are index arithmetic (kernel::Windows); scores are
// computed a tile at a time as in cuda/ops/attention.cu.  A window of 7 x 7 is one tile.
//
// Forward: a block owns up to 64 queries of a window and head.
// Backward: the first kernel computes dq and the gradient of the bias.  Its blocks own 32 queries of a head and loop
// over a chunk of windows, so that each bias sum has one writer.  It saves log-sum-exp and delta of the queries for the
// second kernel, which computes dk and dv with blocks over 32 keys.
// Bound by arithmetic without tensor cores: per window and head, 4 n^2 D flops forward and 14 n^2 D backward, on tiles
// of 64.  q, k and v are read once forward and four times backward, three of them from the L2 cache.
// Formulas: tensor/cpu/kernels/window_attention.cpp.
#include "cuda/kernels/attention.cuh"
#include "tensor/memory/scratch.h"
#include "tensor/ops/window_attention.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

using cuda::exp_negative;

constexpr int kForwardRows = 8, kBackwardRows = 4;  // rows per thread
constexpr int kTokens = 64;                         // largest number of rows in a tile

/// The work of a launch: windows or chunks of them, heads, blocks of tokens, chunks of the result's channels.
struct Work {
  int64_t windows, heads, blocks, chunks;
  Work(const Windows& w, int64_t windows, int64_t rows, int64_t chunk)
      : windows(windows), heads(w.heads), blocks(ceil_div(w.tokens(), rows)), chunks(ceil_div(w.D, chunk)) {}
  CAMO_HD int64_t count() const { return windows * heads * blocks * chunks; }
};

/// Item i of the work; the last member varies fastest.
struct Part {
  int64_t window, h, block, chunk;
  __device__ Part(const Work& work, int64_t i) {
    chunk = i % work.chunks, i /= work.chunks;
    block = i % work.blocks, i /= work.blocks;
    h = i % work.heads, window = i / work.heads;
  }
};

/// Up to 64 tokens of a window in shared memory: their rows (-1 after the last token) and their parts of the map.
struct Tokens {
  int64_t row[kTokens];
  int part[kTokens];

  /// Every thread must call it, and reach a barrier before it reads the result.
  __device__ void find(const Windows& w, int64_t window, int64_t first) {
    const int i = int(threadIdx.x);
    if (i >= kTokens) return;
    const bool there = first + i < w.tokens();
    row[i] = there ? w.row(window, first + i) : -1;
    part[i] = there && w.mixed(window) ? w.part(window, first + i) : 0;
  }
};

/// Shared memory of a block: a tile, and the tokens whose queries and keys are in it.
template <class Tile> struct Shared {
  Tile tile;
  Tokens &queries, &keys;
};
template <class Tile> __device__ Shared<Tile> shared_of(int64_t D) {
  DYN_SHARED(typename Tile::A, memory);
  SHARED(Tokens, tokens, [2]);
  return {Tile(memory, D), tokens[0], tokens[1]};
}

/// The tokens' rows of q, k, v or dy; a row beyond the map is pad, or zeros.
template <class T> struct TokenRows {
  const T *at, *pad;
  const Tokens& tokens;
  int64_t stride, limit;
  acc_t<T> factor = 1;

  __device__ const T* row(int r) const {
    const int64_t i = tokens.row[r];
    return i < 0 ? nullptr : i < limit ? at + i * stride : pad;
  }
  __device__ bool aligned(size_t bytes) const {
    return reinterpret_cast<uintptr_t>(at) % bytes == 0 && reinterpret_cast<uintptr_t>(pad) % bytes == 0;
  }
};

/// The inputs of all kernels.
template <class T> struct Inputs {
  const T *qkv, *pad;
  const acc_t<T>* bias;
  Windows w;
  acc_t<T> scale;

  __device__ TokenRows<T> rows(int s, const Tokens& tokens, int64_t h) const {
    const int64_t at = s * w.channels() + h * w.D;
    return {qkv + at, pad + at, tokens, 3 * w.channels(), w.rows(), s == 0 ? scale : acc_t<T>(1)};
  }
  __device__ TokenRows<T> slopes(const T* dy, const Tokens& tokens, int64_t h) const {
    return {dy + h * w.D, nullptr, tokens, w.channels(), w.rows()};
  }
  /// The sum of bias and mask for a score.
  __device__ acc_t<T> bias_of(int64_t h, int64_t query, int64_t key, bool apart) const {
    const int64_t n = w.tokens();
    const acc_t<T> b = query < n && key < n ? bias[(h * n + query) * n + key] : acc_t<T>(0);
    return apart ? b + acc_t<T>(kMask) : b;
  }
};

/// Adds bias and mask to the scores of a tile of queries (its rows) and keys (its columns).
template <class Tile, class T, class A, int R, int C>
__device__ void add_bias(const Tile& tile, const Inputs<T>& in, int64_t h, const Tokens& queries, int64_t first,
                         const Tokens& keys, int64_t j, A (&scores)[R][C]) {
  UNROLL for (int i = 0; i < R; ++i) for (int c = 0; c < C; ++c) {
    const int r = tile.row(i), k = tile.column(c);
    scores[i][c] += in.bias_of(h, first + r, j + k, queries.part[r] != keys.part[k]);
  }
}

/// A block computes up to 64 queries and one chunk of channels of y.
template <class T, int kD, class A = acc_t<T>>
__global__ void __launch_bounds__(128) window_forward(const __grid_constant__ Inputs<T> in, T* y, Work work) {
  using Tile = cuda::AttentionTile<T, kForwardRows, kD>;
  const Windows& w = in.w;
  const auto [tile, queries, keys] = shared_of<Tile>(w.D);
  for (int64_t item = blockIdx.x; item < work.count(); item += gridDim.x) {
    const Part p(work, item);
    const int64_t first = p.block * Tile::kRows, n = w.tokens();
    A out[Tile::kR][Tile::kE] = {}, top[Tile::kR], sum[Tile::kR] = {};  // sum: over the keys of this lane
    for (A& t : top) t = -std::numeric_limits<A>::infinity();
    __syncthreads();  // others may still write the item before
    queries.find(w, p.window, first);
    for (int64_t j = 0; j < n; j += Tile::kColumns) {
      keys.find(w, p.window, j);
      A scores[Tile::kR][Tile::kC] = {};
      tile.add_scores(in.rows(0, queries, p.h), j > 0, in.rows(1, keys, p.h), scores);
      add_bias(tile, in, p.h, queries, first, keys, j, scores);
      cuda::softmax_tile(tile, scores, n - j, top, sum, out);
      tile.add_products(in.rows(2, keys, p.h), false, p.chunk * kD, out);
    }
    UNROLL for (int i = 0; i < Tile::kR; ++i) {
      const A total = Tile::fold(sum[i], cuda::Plus{});
      const int64_t row = queries.row[tile.row(i)];
      if (row >= 0 && row < w.rows()) tile.write(out[i], 1 / total, y + row * w.channels() + p.h * w.D, p.chunk * kD);
    }
  }
}

/// Scores and dP of one tile of keys.  Leaves k in the tile.
template <class Tile, class T, class A, int R, int C>
__device__ void scores_and_slopes(const Tile& tile, const Inputs<T>& in, const T* dy, int64_t h, const Tokens& queries,
                                  int64_t first, const Tokens& keys, int64_t j, A (&scores)[R][C], A (&slopes)[R][C]) {
  UNROLL for (int i = 0; i < R; ++i) for (int c = 0; c < C; ++c) scores[i][c] = slopes[i][c] = 0;
  tile.add_scores(in.slopes(dy, queries, h), false, in.rows(2, keys, h), slopes);
  tile.add_scores(in.rows(0, queries, h), false, in.rows(1, keys, h), scores);
  add_bias(tile, in, h, queries, first, keys, j, scores);
}

/// Updates the running maximum, the sum of exponentials, and the sum of exponentials times dP with a
/// tile of `count` keys.
template <class Tile, class A, int R, int C>
__device__ void fold_slopes(const Tile& tile, const A (&scores)[R][C], const A (&slopes)[R][C], int64_t count,
                            A (&top)[R], A (&sum)[R], A (&dot)[R]) {
  UNROLL for (int i = 0; i < R; ++i) {
    A best = top[i];
    for (int c = 0; c < C; ++c)
      if (tile.column(c) < count) best = cuda::Larger{}(scores[i][c], best);
    best = Tile::fold(best, cuda::Larger{});
    const A shrink = exp_negative(top[i] - best);
    top[i] = best, sum[i] *= shrink, dot[i] *= shrink;
    for (int c = 0; c < C; ++c) {
      const A weight = tile.column(c) < count ? exp_negative(scores[i][c] - best) : A(0);
      sum[i] += weight, dot[i] += weight * slopes[i][c];
    }
  }
}

/// A block computes 32 queries in a chunk of windows and one chunk of channels of dq.  lse and delta
/// (windows, heads, n).
template <class T, int kD, class A = acc_t<T>>
__global__ void __launch_bounds__(128)
    window_backward_queries(const __grid_constant__ Inputs<T> in, const T* dy, int64_t chunk, A* lse, A* delta, T* dqkv,
                            A* dbias, Work work) {
  using Tile = cuda::AttentionTile<T, kBackwardRows, kD>;
  const Windows& w = in.w;
  const auto [tile, queries, keys] = shared_of<Tile>(w.D);
  const int64_t n = w.tokens(), tiles = ceil_div(n, Tile::kColumns);
  for (int64_t item = blockIdx.x; item < work.count(); item += gridDim.x) {
    const Part p(work, item);
    const int64_t first = p.block * Tile::kRows, begin = p.window * chunk;
    const int64_t end = begin + chunk < w.count() ? begin + chunk : w.count();
    for (int64_t window = begin; window < end; ++window) {
      A scores[Tile::kR][Tile::kC], slopes[Tile::kR][Tile::kC];
      A top[Tile::kR], sum[Tile::kR] = {}, dot[Tile::kR] = {}, out[Tile::kR][Tile::kE] = {};
      for (A& t : top) t = -std::numeric_limits<A>::infinity();
      __syncthreads();  // other threads may still write the previous window
      queries.find(w, window, first);
      for (int64_t t = 0; t < 2 * tiles; ++t) {  // first pass: sums of all rows; second: dq
        const int64_t j = t % tiles * Tile::kColumns;
        if (t < tiles || tiles > 1) {
          __syncthreads();
          keys.find(w, window, j);
          scores_and_slopes(tile, in, dy, p.h, queries, first, keys, j, scores, slopes);
        }
        if (t < tiles) fold_slopes(tile, scores, slopes, n - j, top, sum, dot);
        if (t + 1 == tiles) UNROLL for (int i = 0; i < Tile::kR; ++i) {
            const A total = Tile::fold(sum[i], cuda::Plus{});
            top[i] += camo::log(total), dot[i] = Tile::fold(dot[i], cuda::Plus{}) / total;  // now lse and delta
          }
        if (t < tiles) continue;
        UNROLL for (int i = 0; i < Tile::kR; ++i) for (int c = 0; c < Tile::kC; ++c) {
          const int64_t query = first + tile.row(i), key = j + tile.column(c);
          const bool there = query < n && key < n;
          const A slope = there ? exp_negative(scores[i][c] - top[i]) * (slopes[i][c] - dot[i]) : A(0);
          tile.weight(i, c) = slope;
          if (there && p.chunk == 0) {
            A& to = dbias[((p.window * w.heads + p.h) * n + query) * n + key];
            to = window == begin ? slope : to + slope;
          }
        }
        tile.add_products(in.rows(1, keys, p.h), true, p.chunk * kD, out);
      }
      UNROLL for (int i = 0; i < Tile::kR; ++i) {
        const int r = tile.row(i);
        if (first + r >= n) continue;
        tile.write(out[i], in.scale, dqkv + queries.row[r] * 3 * w.channels() + p.h * w.D, p.chunk * kD);
        const int64_t at = (window * w.heads + p.h) * n + first + r;
        if (p.chunk == 0 && tile.lane == 0) lse[at] = top[i], delta[at] = dot[i];
      }
    }
  }
}

/// A block computes 32 keys of a window and one chunk of channels of dk and dv.
template <class T, int kD, class A = acc_t<T>>
__global__ void __launch_bounds__(128) window_backward_keys(const __grid_constant__ Inputs<T> in, const T* dy,
                                                            const A* lse, const A* delta, T* dqkv, Work work) {
  using Tile = cuda::AttentionTile<T, kBackwardRows, kD>;
  const Windows& w = in.w;
  const auto [tile, queries, keys] = shared_of<Tile>(w.D);
  for (int64_t item = blockIdx.x; item < work.count(); item += gridDim.x) {
    const Part p(work, item);
    const int64_t first = p.block * Tile::kRows, n = w.tokens(), at = (p.window * w.heads + p.h) * n, d = p.chunk * kD;
    A dk[Tile::kR][Tile::kE] = {}, dv[Tile::kR][Tile::kE] = {};
    __syncthreads();  // others may still write the item before
    keys.find(w, p.window, first);
    for (int64_t j = 0; j < n; j += Tile::kColumns) {
      queries.find(w, p.window, j);
      A weight[Tile::kR][Tile::kC] = {}, slope[Tile::kR][Tile::kC] = {};
      tile.add_scores(in.rows(1, keys, p.h), false, in.rows(0, queries, p.h), weight);
      tile.add_scores(in.rows(2, keys, p.h), false, in.slopes(dy, queries, p.h), slope);
      UNROLL for (int c = 0; c < Tile::kC; ++c) {
        const int q = tile.column(c);
        const A own_lse = j + q < n ? lse[at + j + q] : A(0), own_delta = j + q < n ? delta[at + j + q] : A(0);
        for (int i = 0; i < Tile::kR; ++i) {
          const int k = tile.row(i);
          const A score = weight[i][c] + in.bias_of(p.h, j + q, first + k, queries.part[q] != keys.part[k]);
          weight[i][c] = j + q < n ? exp_negative(score - own_lse) : A(0);
          slope[i][c] = weight[i][c] * (slope[i][c] - own_delta);
          tile.weight(i, c) = weight[i][c];
        }
      }
      tile.add_products(in.slopes(dy, queries, p.h), true, d, dv);
      __syncthreads();  // other threads may still read the weights
      for (int i = 0; i < Tile::kR; ++i)
        for (int c = 0; c < Tile::kC; ++c) tile.weight(i, c) = slope[i][c];
      tile.add_products(in.rows(0, queries, p.h), false, d, dk);
    }
    UNROLL for (int i = 0; i < Tile::kR; ++i) {
      const int64_t row = keys.row[tile.row(i)], C = w.channels();
      if (row < 0) continue;
      T* to = dqkv + row * 3 * C + p.h * w.D;
      tile.write(dk[i], A(1), to + C, d), tile.write(dv[i], A(1), to + 2 * C, d);
    }
  }
}

template <class T> Inputs<T> inputs(const Tensor& qkv, const Tensor& pad, const Tensor& bias, const Windows& w) {
  using A = acc_t<T>;
  return {qkv.read<T>(), pad.read<T>(), bias.read<A>(), w, A(1 / std::sqrt(double(w.D)))};
}

}  // namespace

void window_attention(Cuda where, const Tensor& qkv, const Tensor& pad, const Tensor& bias, const Windows& w,
                      Tensor y) {
  cuda::with_chunk(qkv.dtype(), "window_attention", w.D, [&]<class T, int kD>() {
    using Tile = cuda::AttentionTile<T, kForwardRows, kD>;
    const Work work(w, w.count(), Tile::kRows, kD);
    cuda::launch(where, "window_attention", cuda::blocks(work.count(), 1), Tile::kThreads, Tile::kBytes,
                 window_forward<T, kD>, inputs<T>(qkv, pad, bias, w), y.write<T>(), work);
  });
}

void window_attention_backward(Cuda where, const Tensor& dy, const Tensor& qkv, const Tensor& pad, const Tensor& bias,
                               const Windows& w, Tensor dqkv, Tensor dbias) {
  cuda::with_chunk(qkv.dtype(), "window_attention_backward", w.D, [&]<class T, int kD>() {
    using A = acc_t<T>;
    using Tile = cuda::AttentionTile<T, kBackwardRows, kD>;
    const Work queries(w, window_chunks(w), Tile::kRows, kD), keys(w, w.count(), Tile::kRows, kD);
    const Inputs<T> in = inputs<T>(qkv, pad, bias, w);
    const int64_t rows = w.count() * w.heads * w.tokens();
    Scratch<A> lse(where, rows), delta(where, rows);
    cuda::launch(where, "window_attention_backward: dq, bias", cuda::blocks(queries.count(), 1), Tile::kThreads,
                 Tile::kBytes, window_backward_queries<T, kD>, in, dy.read<T>(), window_chunk(w), lse + 0, delta + 0,
                 dqkv.write<T>(), dbias.write<A>(), queries);
    cuda::launch(where, "window_attention_backward: dk, dv", cuda::blocks(keys.count(), 1), Tile::kThreads,
                 Tile::kBytes, window_backward_keys<T, kD>, in, dy.read<T>(), lse + 0, delta + 0, dqkv.write<T>(),
                 keys);
  });
}

}  // namespace camo::kernel
