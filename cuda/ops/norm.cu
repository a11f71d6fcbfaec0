// Layer norm over rows and batch norm over columns of x (R, C) on the GPU.  Formulas: tensor/cpu/ops/norm.cpp.
//
// All kernels are bound by memory and read each operand from memory once: later passes of layer norm find a row in the
// L1 cache, and batch statistics keep their tile in registers.  Sums over rows use chunks that depend on the sizes
// alone; a second kernel adds them in a fixed order (cuda/tools/column_tiles.cuh).
#include "cuda/tools/column_tiles.cuh"
#include "tensor/ops/norm.h"

namespace camo::kernel {
namespace {

using cuda::load;
using cuda::Pack;
using cuda::store;
using cuda::Team;
using cuda::TilePlace;
using cuda::Tiles;

// ---- layer norm ----------------------------------------------------------------------------------------------

template <class T, int N, class A = acc_t<T>>
__global__ void layer_norm_rows(const T* x, const A* gain, const A* bias, T* y, A* mean, A* rstd, int64_t R, int64_t C,
                                int size, A eps) {
  const Team team(size);
  team.each_row(R, [&](int64_t r) {
    const int64_t n = r < R ? C : 0, row = r * C;
    A sum = 0, squares = 0;
    team.each_pack<N>(n, [&](int64_t c) {
      for (A v : load<N>(x + row + c).at) sum += v;
    });
    const A m = team.sum(sum) / A(C);
    team.each_pack<N>(n, [&](int64_t c) {
      for (A v : load<N>(x + row + c).at) squares += (v - m) * (v - m);
    });
    const A s = 1 / camo::sqrt(team.sum(squares) / A(C) + eps);
    team.each_pack<N>(n, [&](int64_t c) {
      Pack<A, N> v = load<N>(x + row + c);
      const Pack<A, N> g = load<N>(gain + c), b = load<N>(bias + c);
      for (int j = 0; j < N; ++j) v.at[j] = (v.at[j] - m) * s * g.at[j] + b.at[j];
      store(v, y + row + c);
    });
    if (r < R && team.lane == 0) mean[r] = m, rstd[r] = s;
  });
}

constexpr int kBackwardThreads = 128;  // each team has 2 C sums in shared memory, at most 32 KB in float

/// A block takes chunks of `rows` rows.  A team keeps its sums of dy xhat and dy in shared memory, where each lane
/// owns its channels; the block adds the sums of its teams in order.  For a wide row there is one team, which uses
/// `partial` itself.
/// Reads dy and x once from memory (and again from L1), writes dx: at least 3 R C sizeof(T) bytes.
template <class T, int N, class A = acc_t<T>>
__global__ void layer_norm_backward_rows(const T* dy, const T* x, const A* gain, const A* mean, const A* rstd, T* dx,
                                         A* partial, int64_t R, int64_t C, int64_t rows, int size) {
  DYN_SHARED(A, shared);
  const Team team(size);
  const int teams = kBackwardThreads / size;
  for (int64_t chunk = blockIdx.x; chunk * rows < R; chunk += gridDim.x) {
    A* out = partial + chunk * 2 * C;
    A* sums = teams == 1 ? out : shared + team.number * 2 * C;
    team.each_pack<N>(C, [&](int64_t c) { store(Pack<A, N>{}, sums + c), store(Pack<A, N>{}, sums + C + c); });
    const int64_t last = (chunk + 1) * rows < R ? (chunk + 1) * rows : R;
    team.each_row(chunk * rows, last, teams, [&](int64_t r) {
      const int64_t n = r < last ? C : 0, row = r * C;
      const A m = n ? mean[r] : A(0), s = n ? rstd[r] : A(0);
      A e = 0, ex = 0;  // sums of dy gain and of dy gain xhat
      team.each_pack<N>(n, [&](int64_t c) {
        const Pack<A, N> d = load<N>(dy + row + c), v = load<N>(x + row + c), g = load<N>(gain + c);
        for (int j = 0; j < N; ++j) e += d.at[j] * g.at[j], ex += d.at[j] * g.at[j] * ((v.at[j] - m) * s);
      });
      e = team.sum(e) / A(C), ex = team.sum(ex) / A(C);
      team.each_pack<N>(n, [&](int64_t c) {
        Pack<A, N> d = load<N>(dy + row + c), v = load<N>(x + row + c);
        const Pack<A, N> g = load<N>(gain + c);
        Pack<A, N> dgain = load<N>(sums + c), dbias = load<N>(sums + C + c);
        for (int j = 0; j < N; ++j) {
          const A xhat = (v.at[j] - m) * s;
          v.at[j] = (d.at[j] * g.at[j] - e - xhat * ex) * s;
          dgain.at[j] += d.at[j] * xhat, dbias.at[j] += d.at[j];
        }
        store(v, dx + row + c);
        store(dgain, sums + c), store(dbias, sums + C + c);
      });
    });
    __syncthreads();
    for (int64_t c = threadIdx.x; teams > 1 && c < 2 * C; c += kBackwardThreads) {
      A sum = 0;
      for (int t = 0; t < teams; ++t) sum += shared[t * 2 * C + c];
      out[c] = sum;
    }
    __syncthreads();
  }
}

// ---- batch norm ----------------------------------------------------------------------------------------------

constexpr int kSteps = 8;  // rows per thread and tile, in kernels that keep or sum them

template <class A> struct Moments {
  A count, mean, m2;  // m2: sum of squared deviations
};

/// Merges two sets of moments: Chan, Golub, LeVeque 1979.
template <class A> __device__ Moments<A> merge(const Moments<A>& a, const Moments<A>& b) {
  if (b.count == 0) return a;
  const A count = a.count + b.count, share = b.count / count, delta = b.mean - a.mean;
  return {count, a.mean + delta * share, a.m2 + b.m2 + delta * delta * share * a.count};
}

/// Mean and squared deviations of every column of a tile -> partial (chunks, 2, C).  A thread keeps its packs in
/// registers between the two passes over them.
template <class T, int N, class A = acc_t<T>> __global__ void tile_moments(const T* x, A* partial, Tiles tiles) {
  cuda::each_tile<N>(tiles, [&](const TilePlace& at) {
    const bool live = at.column < tiles.C;
    Pack<A, N> held[kSteps], mean{}, m2{};
    for (int i = 0; i < kSteps; ++i) {
      const int64_t r = at.first + i * at.step;
      held[i] = live && r < at.last ? load<N>(x + r * tiles.C + at.column) : Pack<A, N>{};
      for (int j = 0; j < N; ++j) mean.at[j] += held[i].at[j];
    }
    mean = cuda::fold_columns(mean, tiles.width);
    for (A& m : mean.at) m /= A(at.last - at.chunk * tiles.height);
    for (int i = 0; i < kSteps; ++i)
      for (int j = 0; j < N; ++j) {
        const A d = at.first + i * at.step < at.last ? held[i].at[j] - mean.at[j] : A(0);
        m2.at[j] += d * d;
      }
    m2 = cuda::fold_columns(m2, tiles.width);
    if (!live || int(threadIdx.x) >= tiles.width) return;  // nothing else to do for this tile
    store(mean, partial + at.chunk * 2 * tiles.C + at.column);
    store(m2, partial + (at.chunk * 2 + 1) * tiles.C + at.column);
  });
}

/// Columns as in add_chunks: the threads of a column merge chunks in turn, then their results in pairs.
template <class A> __global__ void merge_moments(const A* partial, Tiles tiles, int width, A* mean, A* variance) {
  using Part = Moments<A>;
  SHARED(Part, parts, [cuda::kThreads]);
  const int thread = int(threadIdx.x), lanes = cuda::kThreads / width, lane = thread / width;
  for (int64_t begin = int64_t(blockIdx.x) * width; begin < tiles.C; begin += int64_t(gridDim.x) * width) {
    const int64_t c = begin + thread % width;
    Moments<A> mine{};
    for (int64_t i = lane; c < tiles.C && i < tiles.down; i += lanes) {
      const int64_t left = tiles.R - i * tiles.height;
      const A* m = partial + i * 2 * tiles.C + c;
      mine = merge(mine, Moments<A>{A(left < tiles.height ? left : tiles.height), m[0], m[tiles.C]});
    }
    __syncthreads();  // parts may still be read from the previous round
    parts[thread] = mine;
    for (int half = cuda::kThreads / 2; half >= width; half /= 2) {
      __syncthreads();
      if (thread < half) parts[thread] = merge(parts[thread], parts[thread + half]);
    }
    if (lane == 0 && c < tiles.C) mean[c] = parts[thread].mean, variance[c] = parts[thread].m2 / A(tiles.R);
  }
}

/// A thread computes the factors of its columns once and applies them to its rows.
template <class T, int N, class A = acc_t<T>>
__global__ void batch_norm_tiles(const T* x, const A* gain, const A* bias, const A* mean, const A* variance, T* y,
                                 A eps, Tiles tiles) {
  cuda::each_tile<N>(tiles, [&](const TilePlace& at) {
    if (at.column >= tiles.C) return;
    Pack<A, N> factor = load<N>(gain + at.column);
    const Pack<A, N> m = load<N>(mean + at.column), v = load<N>(variance + at.column), b = load<N>(bias + at.column);
    for (int j = 0; j < N; ++j) factor.at[j] /= camo::sqrt(v.at[j] + eps);
    for (int64_t r = at.first; r < at.last; r += at.step) {
      Pack<A, N> out = load<N>(x + r * tiles.C + at.column);
      for (int j = 0; j < N; ++j) out.at[j] = (out.at[j] - m.at[j]) * factor.at[j] + b.at[j];
      store(out, y + r * tiles.C + at.column);
    }
  });
}

/// Sums of dy xhat and of dy over the rows of a tile -> partial (chunks, 2, C).
template <class T, int N, class A = acc_t<T>>
__global__ void batch_norm_sums(const T* dy, const T* x, const A* mean, const A* variance, A* partial, A eps,
                                Tiles tiles) {
  cuda::each_tile<N>(tiles, [&](const TilePlace& at) {
    const bool live = at.column < tiles.C;
    Pack<A, N> dgain{}, dbias{};
    if (live) {
      const Pack<A, N> m = load<N>(mean + at.column), v = load<N>(variance + at.column);
      for (int64_t r = at.first; r < at.last; r += at.step) {
        const int64_t i = r * tiles.C + at.column;
        const Pack<A, N> d = load<N>(dy + i), in = load<N>(x + i);
        for (int j = 0; j < N; ++j) dgain.at[j] += d.at[j] * (in.at[j] - m.at[j]), dbias.at[j] += d.at[j];
      }
      for (int j = 0; j < N; ++j) dgain.at[j] /= camo::sqrt(v.at[j] + eps);
    }
    dgain = cuda::fold_columns(dgain, tiles.width), dbias = cuda::fold_columns(dbias, tiles.width);
    if (!live || int(threadIdx.x) >= tiles.width) return;
    store(dgain, partial + at.chunk * 2 * tiles.C + at.column);
    store(dbias, partial + (at.chunk * 2 + 1) * tiles.C + at.column);
  });
}

/// dx = gain rstd (dy - dbias / R - xhat dgain / R); with given statistics the two means are zero.
template <class T, int N, class A = acc_t<T>>
__global__ void batch_norm_backward_tiles(const T* dy, const T* x, const A* gain, const A* mean, const A* variance,
                                          const A* dgain, const A* dbias, T* dx, A eps, A share, Tiles tiles) {
  cuda::each_tile<N>(tiles, [&](const TilePlace& at) {
    if (at.column >= tiles.C) return;
    Pack<A, N> factor = load<N>(gain + at.column);
    Pack<A, N> slope = load<N>(dgain + at.column), shift = load<N>(dbias + at.column);
    const Pack<A, N> m = load<N>(mean + at.column), v = load<N>(variance + at.column);
    for (int j = 0; j < N; ++j) {
      const A rstd = 1 / camo::sqrt(v.at[j] + eps);
      factor.at[j] *= rstd, slope.at[j] *= rstd * share, shift.at[j] *= share;
    }
    for (int64_t r = at.first; r < at.last; r += at.step) {
      const int64_t i = r * tiles.C + at.column;
      Pack<A, N> d = load<N>(dy + i);
      const Pack<A, N> in = load<N>(x + i);
      for (int j = 0; j < N; ++j) d.at[j] = (d.at[j] - shift.at[j] - (in.at[j] - m.at[j]) * slope.at[j]) * factor.at[j];
      store(d, dx + i);
    }
  });
}

// ---- launches ------------------------------------------------------------------------------------------------

/// Calls f.operator()<T, A, N>(R, C) for x (R, C).
template <class F> void with_matrix(const char* op, const Tensor& x, F f) {
  const int64_t C = x.dim(-1), R = x.numel() / C;
  with_float(x.dtype(), op,
             [&]<class T>() { cuda::with_pack<T>(C, [&]<int N>() { f.template operator()<T, acc_t<T>, N>(R, C); }); });
}

template <class A> Tensor partials(const Tensor& x, int64_t chunks) {
  return empty({chunks, 2, x.dim(-1)}, dtype_of<A>, x.device());
}

/// Tiles for a kernel without sums: about 2000, long enough that computing the factors costs little.
Tiles long_tiles(int64_t R, int64_t C, int N) {
  const Tiles one(R, C, N, 1);
  return Tiles(R, C, N, std::max<int64_t>(1, one.across * one.down / 2048));
}

}  // namespace

void layer_norm(Cuda where, const Tensor& x, const Tensor& gain, const Tensor& bias, double eps, LayerNormOut& out) {
  with_matrix("layer_norm", x, [&]<class T, class A, int N>(int64_t R, int64_t C) {
    const int size = cuda::team_size(C, N);
    cuda::launch(where, "layer_norm", cuda::blocks(R, cuda::kThreads / size), cuda::kThreads, 0,
                 layer_norm_rows<T, N, A>, x.read<T>(), gain.read<A>(), bias.read<A>(), out.y.write<T>(),
                 out.mean.write<A>(), out.rstd.write<A>(), R, C, size, eps);
  });
}

void layer_norm_backward(Cuda where, const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& mean,
                         const Tensor& rstd, NormGrads& out) {
  with_matrix("layer_norm_backward", x, [&]<class T, class A, int N>(int64_t R, int64_t C) {
    const int size = cuda::team_size(C, N, kBackwardThreads), teams = kBackwardThreads / size;
    const int64_t rows = std::max<int64_t>(2 * teams, (R + 2047) / 2048), chunks = (R + rows - 1) / rows;
    const size_t shared = teams == 1 ? 0 : size_t(teams) * 2 * size_t(C) * sizeof(A);
    Tensor partial = partials<A>(x, chunks);
    cuda::launch(where, "layer_norm_backward", cuda::blocks(chunks, 1), kBackwardThreads, shared,
                 layer_norm_backward_rows<T, N, A>, dy.read<T>(), x.read<T>(), gain.read<A>(), mean.read<A>(),
                 rstd.read<A>(), out.dx.write<T>(), partial.write<A>(), R, C, rows, size);
    cuda::sum_chunks(where, "layer_norm_backward: sums", partial.read<A>(), chunks, C, out.dgain.write<A>(),
                     out.dbias.write<A>());
  });
}

void batch_stats(Cuda where, const Tensor& x, BatchStats& out) {
  with_matrix("batch_stats", x, [&]<class T, class A, int N>(int64_t R, int64_t C) {
    const Tiles tiles(R, C, N, kSteps);
    Tensor partial = partials<A>(x, tiles.down);
    cuda::launch(where, "batch_stats", tiles.grid(), cuda::kThreads, 0, tile_moments<T, N, A>, x.read<T>(),
                 partial.write<A>(), tiles);
    const int width = cuda::fold_width(tiles.down);
    cuda::launch(where, "batch_stats: merge", cuda::blocks(C, width), cuda::kThreads, 0, merge_moments<A>,
                 partial.read<A>(), tiles, width, out.mean.write<A>(), out.variance.write<A>());
  });
}

void batch_norm(Cuda where, const Tensor& x, const Tensor& gain, const Tensor& bias, const BatchStats& stats,
                double eps, Tensor y) {
  with_matrix("batch_norm", x, [&]<class T, class A, int N>(int64_t R, int64_t C) {
    const Tiles tiles = long_tiles(R, C, N);
    cuda::launch(where, "batch_norm", tiles.grid(), cuda::kThreads, 0, batch_norm_tiles<T, N, A>, x.read<T>(),
                 gain.read<A>(), bias.read<A>(), stats.mean.read<A>(), stats.variance.read<A>(), y.write<T>(), eps,
                 tiles);
  });
}

void batch_norm_backward(Cuda where, const Tensor& dy, const Tensor& x, const Tensor& gain, const BatchStats& stats,
                         double eps, bool from_batch, NormGrads& out) {
  with_matrix("batch_norm_backward", x, [&]<class T, class A, int N>(int64_t R, int64_t C) {
    const Tiles tiles(R, C, N, kSteps), walk = long_tiles(R, C, N);
    const A *mean = stats.mean.read<A>(), *variance = stats.variance.read<A>();
    A *dgain = out.dgain.write<A>(), *dbias = out.dbias.write<A>();
    Tensor partial = partials<A>(x, tiles.down);
    cuda::launch(where, "batch_norm_backward: tiles", tiles.grid(), cuda::kThreads, 0, batch_norm_sums<T, N, A>,
                 dy.read<T>(), x.read<T>(), mean, variance, partial.write<A>(), eps, tiles);
    cuda::sum_chunks(where, "batch_norm_backward: sums", partial.read<A>(), tiles.down, C, dgain, dbias);
    cuda::launch(where, "batch_norm_backward", walk.grid(), cuda::kThreads, 0, batch_norm_backward_tiles<T, N, A>,
                 dy.read<T>(), x.read<T>(), gain.read<A>(), mean, variance, dgain, dbias, out.dx.write<T>(), eps,
                 from_batch ? 1 / double(R) : 0., walk);
  });
}

}  // namespace camo::kernel
