// Layer norm over rows and batch norm over columns of x (R, C), on the CPU.
//
//   y = xhat * gain + bias,   xhat = (x - mean) * rstd,   rstd = 1 / sqrt(variance + eps)
//
// The forward pass saves mean and rstd but not xhat: the backward pass recomputes xhat with one multiply-add, which
// saves a whole activation.  A row is read from memory once; later passes over it find it in the cache.
// Sums over rows (dgain, dbias, statistics) are computed in chunks of rows that are merged as a fixed tree.
// Sources: Ba, Kiros, Hinton 2016, arXiv:1607.06450, eq. 3; Ioffe, Szegedy 2015, arXiv:1502.03167, alg. 1;
// merging variances: Chan, Golub, LeVeque 1979.
#include "tensor/ops/norm.h"

#include <cmath>

#include "tensor/cpu/kernels/rows.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

/// Rows per chunk of a sum over rows: a few cache lines of partial results for about 100 KB of x.
int64_t chunk_rows(int64_t C) { return std::clamp<int64_t>(2 * kGrain / C, 8, 256); }
int64_t chunk_count(int64_t R, int64_t C) { return ceil_div(R, chunk_rows(C)); }

/// Merges chunks as a fixed tree: merge(i, i + step) for step = 1, 2, 4, ...; the result is in chunk 0.
template <class F> void tree_merge(int64_t chunks, int64_t cost, const F& merge) {
  for (int64_t step = 1; step < chunks; step *= 2)
    parallel_for((chunks - step + 2 * step - 1) / (2 * step), cost,
                 [&](int64_t pair) { merge(2 * step * pair, 2 * step * pair + step, step); });
}

/// Two column sums over rows.  add(begin, end, dgain, dbias) adds the rows of a chunk to the chunk's own sums.
template <class A, class F> void column_sums(int64_t R, int64_t C, A* dgain, A* dbias, const F& add) {
  const int64_t rows = chunk_rows(C), chunks = chunk_count(R, C);
  Scratch<A> scratch(std::max<int64_t>(chunks, 1) * 2 * C);
  A* partial = scratch;
  std::fill_n(partial, 2 * C, A(0));
  parallel_chunks(R, rows, [&](int64_t begin, int64_t end) {
    A* mine = partial + begin / rows * 2 * C;
    std::fill_n(mine, 2 * C, A(0));
    add(begin, end, mine, mine + C);
  });
  tree_merge(chunks, 2 * C, [&](int64_t to, int64_t from, int64_t) {
    for (int64_t i = 0; i < 2 * C; ++i) partial[to * 2 * C + i] += partial[from * 2 * C + i];
  });
  std::copy_n(partial, C, dgain);
  std::copy_n(partial + C, C, dbias);
}

/// p[c] += v
template <class A, class Lanes> void add_to(A* p, Vec<A> v, Lanes n) { store(load<A>(p, n) + v, p, n); }

}  // namespace

void layer_norm(Cpu, const Tensor& x, const Tensor& gain, const Tensor& bias, double eps, LayerNormOut& out) {
  with_float(x.dtype(), "layer_norm", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.dim(-1), R = x.numel() / C;
    const T* in = x.read<T>();
    const A *g = gain.read<A>(), *b = bias.read<A>();
    T* y = out.y.write<T>();
    A *mean = out.mean.write<A>(), *rstd = out.rstd.write<A>();
    parallel_for(R, C, [=](int64_t r) {
      const T* row = in + r * C;
      const A m = row_sum<A>(C, [=](int64_t c, auto n) { return load<A>(row + c, n); }) / A(C);
      const A variance = row_sum<A>(C,
                                    [=](int64_t c, auto n) {
                                      Vec<A> d = load<A>(row + c, n) - m;
                                      return d * d;
                                    }) /
                         A(C);
      const A s = 1 / std::sqrt(variance + A(eps));
      mean[r] = m, rstd[r] = s;
      each_vec<A>(C, [=, to = y + r * C](int64_t c, auto n) {
        store((load<A>(row + c, n) - m) * s * load<A>(g + c, n) + load<A>(b + c, n), to + c, n);
      });
    });
  });
}

// With e = dy * gain:  dx = rstd * (e - mean(e) - xhat * mean(e * xhat)).
void layer_norm_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& gain, const Tensor& mean,
                         const Tensor& rstd, NormGrads& out) {
  with_float(x.dtype(), "layer_norm_backward", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.dim(-1), R = x.numel() / C;
    const T *in = x.read<T>(), *dout = dy.read<T>();
    const A *g = gain.read<A>(), *means = mean.read<A>(), *rstds = rstd.read<A>();
    T* dx = out.dx.write<T>();
    column_sums(R, C, out.dgain.write<A>(), out.dbias.write<A>(), [=](int64_t begin, int64_t end, A* dgain, A* dbias) {
      for (int64_t r = begin; r < end; ++r) {
        const T *row = in + r * C, *dy_row = dout + r * C;
        const A m = means[r], s = rstds[r];
        auto [e, ex] = row_sums<A, 2>(C, [=](int64_t c, auto n) {
          Vec<A> e = load<A>(dy_row + c, n) * load<A>(g + c, n);
          return std::array{e, e * ((load<A>(row + c, n) - m) * s)};
        });
        const A me = e / A(C), mex = ex / A(C);
        each_vec<A>(C, [=, to = dx + r * C](int64_t c, auto n) {
          Vec<A> d = load<A>(dy_row + c, n), xhat = (load<A>(row + c, n) - m) * s;
          store((d * load<A>(g + c, n) - me - xhat * mex) * s, to + c, n);
          add_to(dgain + c, d * xhat, n);
          add_to(dbias + c, d, n);
        });
      }
    });
  });
}

// Each chunk computes its mean, then its squared deviations (from the cache).  Two chunks merge by
//   M2 = M2a + M2b + (mean_b - mean_a)^2 na nb / n.
void batch_stats(Cpu, const Tensor& x, BatchStats& out) {
  with_float(x.dtype(), "batch_stats", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.dim(-1), R = x.numel() / C, rows = chunk_rows(C), chunks = chunk_count(R, C);
    const T* in = x.read<T>();
    Scratch<A> scratch(chunks * 2 * C);
    A* partial = scratch;
    parallel_chunks(R, rows, [=](int64_t begin, int64_t end) {
      A *mean = partial + begin / rows * 2 * C, *m2 = mean + C;
      std::fill_n(mean, 2 * C, A(0));
      for (int64_t r = begin; r < end; ++r)
        each_vec<A>(C, [=](int64_t c, auto n) { add_to(mean + c, load<A>(in + r * C + c, n), n); });
      for (int64_t c = 0; c < C; ++c) mean[c] /= A(end - begin);
      for (int64_t r = begin; r < end; ++r)
        each_vec<A>(C, [=, row = in + r * C](int64_t c, auto n) {
          Vec<A> d = load<A>(row + c, n) - load<A>(mean + c, n);
          add_to(m2 + c, d * d, n);
        });
    });
    tree_merge(chunks, 2 * C, [=](int64_t a, int64_t b, int64_t step) {
      const A nb = A(std::min(R, (b + step) * rows) - b * rows), share = nb / (A(step * rows) + nb);
      A *mean = partial + a * 2 * C, *m2 = mean + C;
      const A *mean_b = partial + b * 2 * C, *m2_b = mean_b + C;
      for (int64_t c = 0; c < C; ++c) {
        const A delta = mean_b[c] - mean[c];
        mean[c] += delta * share;
        m2[c] += m2_b[c] + delta * delta * share * A(step * rows);
      }
    });
    A *mean = out.mean.write<A>(), *variance = out.variance.write<A>();
    for (int64_t c = 0; c < C; ++c) mean[c] = partial[c], variance[c] = partial[C + c] / A(R);
  });
}

void batch_norm(Cpu, const Tensor& x, const Tensor& gain, const Tensor& bias, const BatchStats& stats, double eps,
                Tensor y) {
  with_float(x.dtype(), "batch_norm", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.dim(-1), R = x.numel() / C;
    const T* in = x.read<T>();
    const A *g = gain.read<A>(), *b = bias.read<A>();
    const A *mean = stats.mean.read<A>(), *variance = stats.variance.read<A>();
    T* out = y.write<T>();
    Scratch<A> scratch(C);
    A* factor = scratch;
    for (int64_t c = 0; c < C; ++c) factor[c] = g[c] / std::sqrt(variance[c] + A(eps));
    parallel_for(R, C, [=](int64_t r) {
      each_vec<A>(C, [=, row = in + r * C, to = out + r * C](int64_t c, auto n) {
        Vec<A> centred = load<A>(row + c, n) - load<A>(mean + c, n);
        store(centred * load<A>(factor + c, n) + load<A>(b + c, n), to + c, n);
      });
    });
  });
}

// batch statistics:  dx = gain * rstd * (dy - dbias / R - xhat * dgain / R)
// given statistics:  dx = gain * rstd * dy
void batch_norm_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& gain, const BatchStats& stats,
                         double eps, bool from_batch, NormGrads& out) {
  with_float(x.dtype(), "batch_norm_backward", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.dim(-1), R = x.numel() / C;
    const T *in = x.read<T>(), *dout = dy.read<T>();
    const A *g = gain.read<A>(), *mean = stats.mean.read<A>(), *variance = stats.variance.read<A>();
    A *dgain = out.dgain.write<A>(), *dbias = out.dbias.write<A>();
    column_sums(R, C, dgain, dbias, [=](int64_t begin, int64_t end, A* sum_dx, A* sum_d) {
      for (int64_t r = begin; r < end; ++r)
        each_vec<A>(C, [=, row = in + r * C, dy_row = dout + r * C](int64_t c, auto n) {
          Vec<A> d = load<A>(dy_row + c, n);
          add_to(sum_dx + c, d * (load<A>(row + c, n) - load<A>(mean + c, n)), n);
          add_to(sum_d + c, d, n);
        });
    });
    Scratch<A> scratch(3 * C);
    A *factor = scratch, *shift = factor + C, *slope = shift + C;
    for (int64_t c = 0; c < C; ++c) {
      const A rstd = 1 / std::sqrt(variance[c] + A(eps));
      dgain[c] *= rstd;
      factor[c] = g[c] * rstd;
      shift[c] = from_batch ? dbias[c] / A(R) : A(0);
      slope[c] = from_batch ? rstd * dgain[c] / A(R) : A(0);
    }
    parallel_for(R, C, [=, dx = out.dx.write<T>()](int64_t r) {
      each_vec<A>(C, [=, row = in + r * C, dy_row = dout + r * C, to = dx + r * C](int64_t c, auto n) {
        Vec<A> centred = load<A>(row + c, n) - load<A>(mean + c, n);
        Vec<A> d = load<A>(dy_row + c, n) - load<A>(shift + c, n) - centred * load<A>(slope + c, n);
        store(d * load<A>(factor + c, n), to + c, n);
      });
    });
  });
}

}  // namespace camo::kernel
