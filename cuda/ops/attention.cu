// Attention on the GPU with an online softmax.  Only a tile of scores exists at a time, so memory is O(N + M).
//
// Forward: a block owns 64 queries of a head and loops over tiles of 64 keys.
// Backward, from the saved log-sum-exp: one kernel for dq, with blocks over queries; one for dk and dv, with blocks
// over keys and over ranges of queries; and one that adds the sums of the ranges in order.  No block waits for another,
// and the order of every sum is fixed.
// Bound by arithmetic: per head, 4 N M D flops forward and 14 N M D backward, without tensor cores in f32 (f64 for
// f64).  q is read and y written once; k and v are read once for every block of queries, mostly from the L2 cache.
// Heads wider than 128 recompute the scores for every 128 channels of the result.
// Formulas: tensor/cpu/kernels/attention_backward.cpp.  Tiles: cuda/kernels/attention.cuh.
// Sources: Milakov, Gimelshein 2018, arXiv:1805.02867; Dao 2023, arXiv:2307.08691.
#include "cuda/kernels/attention.cuh"
#include "cuda/tools/column_tiles.cuh"
#include "tensor/ops/attention.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

using cuda::exp_negative;
using cuda::Rows;
using cuda::softmax_tile;
using cuda::with_chunk;

/// The work of a launch: for each head, ranges of the other side, blocks of rows, chunks of the result's channels.
struct Work {
  int64_t heads, stretches, blocks, chunks;
  Work(const Attention& s, int64_t stretches, int64_t rows, int64_t block_rows, int64_t chunk)
      : heads(s.B * s.heads), stretches(stretches), blocks(ceil_div(rows, block_rows)), chunks(ceil_div(s.D, chunk)) {}
  CAMO_HD int64_t count() const { return heads * stretches * blocks * chunks; }
};

/// Item i of the work: image b, head h, range, block and chunk; the last varies fastest.
struct Part {
  int64_t b, h, stretch, block, chunk;
  __device__ Part(const Work& w, const Attention& s, int64_t i) {
    chunk = i % w.chunks, i /= w.chunks;
    block = i % w.blocks, i /= w.blocks;
    stretch = i % w.stretches, i /= w.stretches;
    h = i % s.heads, b = i / s.heads;
  }
};

/// Queries or keys [begin, end) of a head in x (B, N or M, heads, D).
template <class T>
__device__ Rows<T> queries(const T* x, const Attention& s, const Part& p, int64_t begin, int64_t end,
                           double factor = 1) {
  return {x + s.query(p.b, p.h, begin), end - begin, s.heads * s.D, acc_t<T>(factor)};
}
template <class T> __device__ Rows<T> keys(const T* x, const Attention& s, const Part& p, int64_t begin) {
  return {x + s.key(p.b, p.h, begin), s.M - begin, s.heads * s.D};
}

// ---- forward -------------------------------------------------------------------------------------------------

constexpr int kForwardRows = 8, kBackwardRows = 4;  // rows per thread

/// A block computes 64 queries and one chunk of channels of y.
template <class T, int kD, class A = acc_t<T>>
__global__ void __launch_bounds__(128)
    attention_forward(const T* q, const T* k, const T* v, T* y, A* lse, Attention s, Work work) {
  using Tile = cuda::AttentionTile<T, kForwardRows, kD>;
  DYN_SHARED(A, memory);
  const Tile tile(memory, s.D);
  for (int64_t item = blockIdx.x; item < work.count(); item += gridDim.x) {
    const Part p(work, s, item);
    const int64_t begin = p.block * Tile::kRows;
    const Rows<T> own = queries(q, s, p, begin, s.N, s.scale);
    A out[Tile::kR][Tile::kE] = {}, top[Tile::kR], sum[Tile::kR] = {};  // sum: over the keys of this lane
    for (A& t : top) t = -std::numeric_limits<A>::infinity();
    for (int64_t j = 0; j < s.M; j += Tile::kColumns) {
      A scores[Tile::kR][Tile::kC] = {};
      tile.add_scores(own, j > 0, keys(k, s, p, j), scores);
      softmax_tile(tile, scores, s.M - j, top, sum, out);
      tile.add_products(keys(v, s, p, j), false, p.chunk * kD, out);
    }
    UNROLL for (int i = 0; i < Tile::kR; ++i) {
      const A total = Tile::fold(sum[i], cuda::Plus{});
      const int64_t r = begin + tile.row(i);
      if (r >= s.N) continue;
      tile.write(out[i], 1 / total, y + s.query(p.b, p.h, r), p.chunk * kD);
      if (p.chunk == 0 && tile.lane == 0) lse[(p.b * s.heads + p.h) * s.N + r] = top[i] + camo::log(total);
    }
  }
}

// ---- backward ------------------------------------------------------------------------------------------------

/// delta (B, heads, N): the sum of dy * y over the channels of a head; one team of threads for each.  Reads both once.
template <class T, int N, class A = acc_t<T>>
__global__ void attention_delta(const T* dy, const T* y, A* delta, Attention s, int size) {
  const cuda::Team team(size);
  const int64_t R = s.B * s.N * s.heads;
  team.each_row(R, [&](int64_t r) {
    A sum = 0;
    team.each_pack<N>(r < R ? s.D : 0, [&](int64_t d) {
      const cuda::Pack<A, N> a = cuda::load<N>(dy + r * s.D + d), b = cuda::load<N>(y + r * s.D + d);
      for (int j = 0; j < N; ++j) sum += a.at[j] * b.at[j];
    });
    sum = team.sum(sum);
    const int64_t token = r / s.heads;  // counted over all images
    if (r < R && team.lane == 0) delta[(token / s.N * s.heads + r % s.heads) * s.N + token % s.N] = sum;
  });
}

/// A block computes 32 queries and one chunk of channels of dq.
template <class T, int kD, class A = acc_t<T>>
__global__ void __launch_bounds__(128)
    attention_backward_queries(const T* dy, const T* q, const T* k, const T* v, const A* lse, const A* delta, T* dq,
                               Attention s, Work work) {
  using Tile = cuda::AttentionTile<T, kBackwardRows, kD>;
  DYN_SHARED(A, memory);
  const Tile tile(memory, s.D);
  for (int64_t item = blockIdx.x; item < work.count(); item += gridDim.x) {
    const Part p(work, s, item);
    const int64_t begin = p.block * Tile::kRows, at = (p.b * s.heads + p.h) * s.N + begin;
    A out[Tile::kR][Tile::kE] = {}, own_lse[Tile::kR] = {}, own_delta[Tile::kR] = {};
    for (int i = 0; i < Tile::kR; ++i)
      if (begin + tile.row(i) < s.N) own_lse[i] = lse[at + tile.row(i)], own_delta[i] = delta[at + tile.row(i)];
    for (int64_t j = 0; j < s.M; j += Tile::kColumns) {
      A scores[Tile::kR][Tile::kC] = {}, slope[Tile::kR][Tile::kC] = {};
      tile.add_scores(queries(dy, s, p, begin, s.N), false, keys(v, s, p, j), slope);
      tile.add_scores(queries(q, s, p, begin, s.N, s.scale), false, keys(k, s, p, j), scores);
      for (int i = 0; i < Tile::kR; ++i)
        for (int c = 0; c < Tile::kC; ++c) {
          const A weight = j + tile.column(c) < s.M ? exp_negative(scores[i][c] - own_lse[i]) : A(0);
          tile.weight(i, c) = weight * (slope[i][c] - own_delta[i]);
        }
      tile.add_products(keys(k, s, p, j), true, p.chunk * kD, out);
    }
    for (int i = 0; i < Tile::kR; ++i)
      if (begin + tile.row(i) < s.N)
        tile.write(out[i], A(s.scale), dq + s.query(p.b, p.h, begin + tile.row(i)), p.chunk * kD);
  }
}

/// A block computes 32 keys against `stretch` queries and one chunk of channels of dk and dv -> partial (stretches,
/// 2, B, M, heads, D).
template <class T, int kD, class A = acc_t<T>>
__global__ void __launch_bounds__(128)
    attention_backward_keys(const T* dy, const T* q, const T* k, const T* v, const A* lse, const A* delta, A* partial,
                            int64_t stretch, Attention s, Work work) {
  using Tile = cuda::AttentionTile<T, kBackwardRows, kD>;
  DYN_SHARED(A, memory);
  const Tile tile(memory, s.D);
  for (int64_t item = blockIdx.x; item < work.count(); item += gridDim.x) {
    const Part p(work, s, item);
    const int64_t begin = p.block * Tile::kRows, head = (p.b * s.heads + p.h) * s.N, d = p.chunk * kD;
    const int64_t first = p.stretch * stretch, last = first + stretch < s.N ? first + stretch : s.N;
    A dk[Tile::kR][Tile::kE] = {}, dv[Tile::kR][Tile::kE] = {};
    for (int64_t j = first; j < last; j += Tile::kColumns) {
      const Rows<T> q_rows = queries(q, s, p, j, last, s.scale), dy_rows = queries(dy, s, p, j, last);
      A weight[Tile::kR][Tile::kC] = {}, slope[Tile::kR][Tile::kC] = {};
      tile.add_scores(keys(k, s, p, begin), false, q_rows, weight);
      tile.add_scores(keys(v, s, p, begin), false, dy_rows, slope);
      UNROLL for (int c = 0; c < Tile::kC; ++c) {
        const int64_t r = j + tile.column(c);
        const A own_lse = r < last ? lse[head + r] : A(0), own_delta = r < last ? delta[head + r] : A(0);
        for (int i = 0; i < Tile::kR; ++i) {
          weight[i][c] = r < last ? exp_negative(weight[i][c] - own_lse) : A(0);
          slope[i][c] = weight[i][c] * (slope[i][c] - own_delta);
          tile.weight(i, c) = weight[i][c];
        }
      }
      tile.add_products(dy_rows, true, d, dv);
      __syncthreads();  // other threads may still read the weights
      for (int i = 0; i < Tile::kR; ++i)
        for (int c = 0; c < Tile::kC; ++c) tile.weight(i, c) = slope[i][c];
      tile.add_products(q_rows, false, d, dk);
    }
    const int64_t size = s.B * s.M * s.heads * s.D;
    UNROLL for (int i = 0; i < Tile::kR; ++i) {
      if (begin + tile.row(i) >= s.M) continue;
      A* to = partial + p.stretch * 2 * size + s.key(p.b, p.h, begin + tile.row(i));
      tile.write(dk[i], A(1), to, d), tile.write(dv[i], A(1), to + size, d);
    }
  }
}

}  // namespace

void attention(Cuda where, const Tensor& q, const Tensor& k, const Tensor& v, int heads, double scale,
               AttentionOut& out) {
  const Attention s = attention_sizes(q, k, heads, scale);
  with_chunk(q.dtype(), "attention", s.D, [&]<class T, int kD>() {
    using Tile = cuda::AttentionTile<T, kForwardRows, kD>;
    const Work work(s, 1, s.N, Tile::kRows, kD);
    cuda::launch(where, "attention", cuda::blocks(work.count(), 1), Tile::kThreads, Tile::kBytes,
                 attention_forward<T, kD>, q.read<T>(), k.read<T>(), v.read<T>(), out.y.write<T>(),
                 out.lse.write<acc_t<T>>(), s, work);
  });
}

void attention_backward(Cuda where, const Tensor& dy, const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionOut& out, int heads, double scale, AttentionGrads& grads) {
  const Attention s = attention_sizes(q, k, heads, scale);
  Tensor delta = empty(out.lse.shape(), out.lse.dtype(), q.device());
  with_float(q.dtype(), "attention_backward", [&]<class T>() {
    cuda::with_pack<T>(s.D, [&]<int N>() {
      const int size = cuda::team_size(s.D, N);
      cuda::launch(where, "attention_backward: delta", cuda::blocks(s.B * s.N * s.heads, cuda::kThreads / size),
                   cuda::kThreads, 0, attention_delta<T, N>, dy.read<T>(), out.y.read<T>(), delta.write<acc_t<T>>(), s,
                   size);
    });
  });
  with_chunk(q.dtype(), "attention_backward", s.D, [&]<class T, int kD>() {
    using A = acc_t<T>;
    using Tile = cuda::AttentionTile<T, kBackwardRows, kD>;
    // Ranges as long as the number of keys, so that their sums take no more memory than q.
    const int64_t stretch = ceil_div(std::max<int64_t>(512, s.M), Tile::kColumns) * Tile::kColumns;
    const Work rows(s, 1, s.N, Tile::kRows, kD), columns(s, ceil_div(s.N, stretch), s.M, Tile::kRows, kD);
    const T *g = dy.read<T>(), *qs = q.read<T>(), *ks = k.read<T>(), *vs = v.read<T>();
    const A *lse = out.lse.read<A>(), *deltas = delta.read<A>();
    cuda::launch(where, "attention_backward: dq", cuda::blocks(rows.count(), 1), Tile::kThreads, Tile::kBytes,
                 attention_backward_queries<T, kD>, g, qs, ks, vs, lse, deltas, grads.dq.write<T>(), s, rows);
    Tensor partial = empty({columns.stretches, 2, k.numel()}, dtype_of<A>, q.device());
    cuda::launch(where, "attention_backward: dk, dv", cuda::blocks(columns.count(), 1), Tile::kThreads, Tile::kBytes,
                 attention_backward_keys<T, kD>, g, qs, ks, vs, lse, deltas, partial.write<A>(), stretch, s, columns);
    cuda::sum_chunks(where, "attention_backward: sums", partial.read<A>(), columns.stretches, k.numel(),
                     grads.dk.write<T>(), grads.dv.write<T>());
  });
}

}  // namespace camo::kernel
