// Reductions on the CPU and their adjoints.  The reduction loops are in tensor/cpu/kernels/fold.h.
#include "tensor/ops/reduce.h"

#include <optional>

#include "tensor/cpu/kernels/broadcast.h"
#include "tensor/cpu/kernels/fold.h"
#include "tensor/cpu/kernels/rows.h"
#include "tensor/memory/scratch.h"

namespace camo::kernel {

void fold(Cpu, Fold op, const Tensor& x, Tensor y) {
  auto [K, R, C] = dims<3>(x, "fold: x (K, R, C)");
  with_float(x.dtype(), "reduce", [&, K = K, R = R, C = C]<class T>() {
    auto* out = y.write<acc_t<T>>();
    if (op == Fold::sum) fold<Sum>(x.read<T>(), K, R, C, out);
    else if (op == Fold::max) fold<Largest>(x.read<T>(), K, R, C, out);
    else fold<Smallest>(x.read<T>(), K, R, C, out);
  });
}

void spread(Cpu, const Tensor& x, double factor, Tensor y) {
  Broadcast<1> plan(y.shape(), {x.shape()});
  with_float(y.dtype(), "spread", [&]<class T>() {
    with_float(x.dtype(), "spread", [&]<class S>() {
      if constexpr (std::is_same_v<acc_t<S>, acc_t<T>>) {
        using V = Vec<acc_t<T>>;
        map_broadcast(
            plan, y.write<T>(), [s = V(acc_t<T>(factor))](V v) { return v * s; }, x.read<S>());
      }
    });
  });
}

void squared_distance(Cpu, const Tensor& x, const Tensor& mean, Tensor y) {
  Broadcast<1> plan(x.shape(), {mean.shape()});
  with_float(x.dtype(), "variance", [&]<class T>() {
    using A = acc_t<T>;
    map_broadcast(
        plan, y.write<A>(), [](auto u, auto m) { return (u - m) * (u - m); }, std::tuple(x.read<T>()), mean.read<A>());
  });
}

void variance_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& mean, double factor, Tensor dx) {
  Broadcast<2> plan(x.shape(), {dy.shape(), mean.shape()});
  with_float(x.dtype(), "variance", [&]<class T>() {
    using A = acc_t<T>;
    map_broadcast(
        plan, dx.write<T>(), [s = Vec<A>(A(factor))](auto u, auto g, auto m) { return g * s * (u - m); },
        std::tuple(x.read<T>()), dy.read<T>(), mean.read<A>());
  });
}

namespace {

/// The definition, for any axes: a loop in order, because the first of equal elements gets the gradient.  Parallel over
/// the leading kept axes.
void extreme_backward_plain(const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx) {
  int lead = 0;
  while (lead < x.rank() && x.dim(lead) == y.dim(lead)) ++lead;
  const int64_t K = x.shape().product(0, lead), n = x.numel() / std::max<int64_t>(K, 1);
  const int64_t m = y.numel() / std::max<int64_t>(K, 1);
  const Shape inner(std::span(x.shape().begin() + lead, x.shape().end()));
  const Shape folded(std::span(y.shape().begin() + lead, y.shape().end()));
  const Broadcast<1> plan(inner, {folded});
  with_float(x.dtype(), "max", [&]<class T>() {
    using A = acc_t<T>;
    const T *xs = x.read<T>(), *ys = y.read<T>(), *gs = dy.read<T>();
    T* out = dx.write<T>();
    parallel_for(K, n, [&](int64_t k) {
      std::vector<bool> taken(m);
      plan.runs(0, n, [&](int64_t i, int64_t count, const auto& at) {
        for (int64_t j = 0; j < count; ++j) {
          const int64_t from = at[0] + (plan.stride[0][0] ? j : 0);
          const A u = A(xs[k * n + i + j]), best = A(ys[k * m + from]);
          const bool hit = !taken[from] && (u == best || (u != u && best != best));
          if (hit) taken[from] = true;
          out[k * n + i + j] = hit ? gs[k * m + from] : T(0.f);
        }
      });
    });
  });
}

/// (K, R, C) if only axes that are neighbours are reduced.
std::optional<std::array<int64_t, 3>> one_fold(const Shape& x, const Shape& y) {
  int begin = 0, end = x.rank();
  while (begin < end && x[begin] == y[begin]) ++begin;
  while (end > begin && x[end - 1] == y[end - 1]) --end;
  for (int a = begin; a < end; ++a)
    if (y[a] != 1) return {};
  return std::array{x.product(0, begin), x.product(begin, end), x.product(end, x.rank())};
}

/// place[c] = the first row r in [0, R) where x (R, C) equals y, or -1.
template <class A, class T> void first_equal(const T* x, const T* y, int64_t R, int64_t C, int64_t* place) {
  using V = Vec<A>;
  using Int = typename V::Int;
  each_vec<A>(C, [&](int64_t c, auto lanes) {
    const V best = load<A>(y + c, lanes);
    const auto is_best = best == best;
    typename V::Mask found = typename V::Mask{} + Int(-1);
    for (int64_t r = 0; r < R; ++r) {
      const V u = load<A>(x + r * C + c, lanes);
      const auto hit = (u == best) | (~(u == u) & ~is_best);
      found = (hit & (found < Int(0))) ? typename V::Mask{} + Int(r) : found;
    }
    for (int64_t i = 0; i < std::min<int64_t>(V::size, C - c); ++i) place[c + i] = found[i];
  });
}
/// The same for C = 1: one number y in a run of R.
template <class A, class T> int64_t first_equal(const T* x, T y, int64_t R) {
  using V = Vec<A>;
  const V best = V(A(y));
  const bool nan = A(y) != A(y);
  int64_t r = 0;
  for (; r + V::size <= R; r += V::size) {
    const V u = V::load(x + r);
    const auto hit = nan ? ~(u == u) : (u == best);
    typename V::Int any = 0;
    for (int i = 0; i < V::size; ++i) any |= hit[i];
    if (any) break;
  }
  for (; r < R; ++r)
    if (A(x[r]) == A(y) || (nan && A(x[r]) != A(x[r]))) return r;
  return -1;
}

}  // namespace

// Searches pieces of rows, then writes zeros and the gradient at the first place of each column.
void extreme_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx) {
  const auto shape = one_fold(x.shape(), y.shape());
  if (!shape) return extreme_backward_plain(dy, x, y, dx);
  const auto [K, R, C] = *shape;
  with_float(x.dtype(), "max", [&, K = K, R = R, C = C]<class T>() {
    using A = acc_t<T>;
    const T *xs = x.read<T>(), *ys = y.read<T>(), *gs = dy.read<T>();
    T* out = dx.write<T>();
    const int64_t piece = std::max<int64_t>(4 * kGrain / std::max<int64_t>(C, 1), 1), pieces = ceil_div(R, piece);
    Scratch<int64_t> place(K * pieces * C);
    parallel_for(K * pieces, std::min(R, piece) * C, [&](int64_t task) {
      const int64_t k = task / pieces, r = task % pieces * piece, rows = std::min(piece, R - r);
      const T* from = xs + (k * R + r) * C;
      if (C == 1) place[task] = first_equal<A>(from, ys[k], rows);
      else first_equal<A>(from, ys + k * C, rows, C, place + task * C);
      std::fill_n(out + (k * R + r) * C, rows * C, T(0.f));
    });
    parallel_for(K, pieces * C, [&](int64_t k) {
      for (int64_t c = 0; c < C; ++c)
        for (int64_t p = 0; p < pieces; ++p)
          if (const int64_t r = place[(k * pieces + p) * C + c]; r >= 0) {
            out[(k * R + p * piece + r) * C + c] = gs[k * C + c];
            break;
          }
    });
  });
}

void argmax(Cpu, const Tensor& x, Tensor y) {
  auto [K, R, C] = dims<3>(x, "argmax: x (K, R, C)");
  int64_t* out = y.write<int64_t>();
  with_float(x.dtype(), "argmax", [&, K = K, R = R, C = C]<class T>() {
    using A = acc_t<T>;
    const T* p = x.read<T>();
    parallel_for(K * C, R, [&](int64_t i) {
      const T* column = p + i / C * R * C + i % C;
      int64_t best = 0;
      for (int64_t r = 1; r < R; ++r) {
        const A u = A(column[r * C]), v = A(column[best * C]);
        if (u > v || (u != u && v == v)) best = r;
      }
      out[i] = best;
    });
  });
}

void all_finite(Cpu, const Tensor& x, bool& finite) {
  with_float(x.dtype(), "all_finite", [&]<class T>() {
    using A = acc_t<T>;
    const T* p = x.read<T>();
    A zero = parallel_sum<A>(x.numel(), kGrain, [=](int64_t begin, int64_t end) {
      using V = Vec<A>;  // 0 * x is 0 for every finite x, else NaN
      V sum(A(0));
      int64_t i = begin;
      for (; i + V::size <= end; i += V::size) sum += V::load(p + i) * V(A(0));
      if (i < end) sum += V::load(p + i, int(end - i)) * V(A(0));
      return lane_sum(sum);
    });
    finite = zero == A(0);
  });
}

static double squares(const Tensor& x) {
  return with_float(x.dtype(), "sum_of_squares", [&]<class T>() {
    const T* p = x.read<T>();
    return parallel_sum<double>(x.numel(), kGrain, [=](int64_t begin, int64_t end) {
      double lane[16] = {};  // enough sums to hide the latency of an addition
      int64_t i = begin;
      for (; i + 16 <= end; i += 16)
        for (int j = 0; j < 16; ++j) {
          const double v = double(acc_t<T>(p[i + j]));
          lane[j] += v * v;
        }
      for (int j = 0; i < end; ++i, ++j) lane[j] += double(acc_t<T>(p[i])) * double(acc_t<T>(p[i]));
      for (int half = 8; half; half /= 2)
        for (int j = 0; j < half; ++j) lane[j] += lane[j + half];
      return lane[0];
    });
  });
}

void sums_of_squares(Cpu, const std::vector<Tensor>& x, double* sums) {
  for (size_t i = 0; i < x.size(); ++i) sums[i] = squares(x[i]);
}

}  // namespace camo::kernel
