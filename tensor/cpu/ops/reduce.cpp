// Reductions on the CPU and their adjoints.  The reduction loops are in tensor/cpu/kernels/fold.h.
#include "tensor/ops/reduce.h"

#include <limits>

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

/// place[c] = the first row r in [0, R) where x (R, C) equals y in column c of [begin, end), or -1.
template <class A, class T>
void first_equal(const T* x, const T* y, int64_t R, int64_t C, int64_t begin, int64_t end, int64_t* place) {
  using V = Vec<A>;
  using Int = typename V::Int;
  each_vec<A>(end - begin, [&](int64_t i, auto lanes) {
    const int64_t c = begin + i;
    const V best = load<A>(y + c, lanes);
    const auto is_best = best == best;
    typename V::Mask found = typename V::Mask{} + Int(-1);
    for (int64_t r = 0; r < R; ++r) {
      const V u = load<A>(x + r * C + c, lanes);
      const auto hit = (u == best) | (~(u == u) & ~is_best);
      found = (hit & (found < Int(0))) ? typename V::Mask{} + Int(r) : found;
    }
    for (int64_t j = 0; j < std::min<int64_t>(V::size, end - c); ++j) place[c + j] = found[j];
  });
}
/// The same for C = 1: one number y in a run of R.  Each lane keeps its first hit, as minus its place.
template <class A, class T> int64_t first_equal(const T* x, T y, int64_t R) {
  using V = Vec<A>;
  const V best = V(A(y)), none = V(-std::numeric_limits<A>::infinity());
  V lane, found = none;
  for (int i = 0; i < V::size; ++i) lane.v[i] = A(-i);
  auto search = [&](auto hit_or) {
    each_vec<A>(
        R, [&](int64_t r, auto lanes) { found = max(hit_or(load<A>(x + r, lanes), lane - V(A(r)), none), found); });
  };
  if (A(y) == A(y)) search([=](V u, V here, V other) { return where(u == best, here, other); });
  else search([](V u, V here, V other) { return where(u == u, other, here); });
  const A first = -lane_max(found);
  return first < A(R) ? int64_t(first) : -1;
}

/// x is (L, O, R, C): the axes R are reduced, C and L are kept, and among those of O are both.
struct Search {
  int64_t L, O, R, C;
  int64_t block, piece, pieces, blocks;  // a task searches `piece` rows of `block` columns
  int64_t targets;                       // elements of y for one l, in units of C
  std::vector<int64_t> target;           // which of them belongs to each o

  Search(const Shape& x, const Shape& y) {
    int lead = 0, end = x.rank();
    while (lead < x.rank() && x[lead] == y[lead]) ++lead;
    while (end > lead && x[end - 1] == y[end - 1]) --end;
    int begin = end;
    while (begin > lead && y[begin - 1] == 1) --begin;
    L = x.product(0, lead), O = x.product(lead, begin), R = x.product(begin, end), C = x.product(end, x.rank());
    block = std::clamp<int64_t>(C, 1, 1024), blocks = ceil_div(C, block);
    piece = 4 * kGrain / block, pieces = ceil_div(R, piece);
    targets = y.product(lead, begin), target.resize(size_t(O));
    const Broadcast<1> plan(Shape(std::span(x.begin() + lead, x.begin() + begin)),
                            {Shape(std::span(y.begin() + lead, y.begin() + begin))});
    plan.runs(0, O, [&](int64_t o, int64_t n, const auto& at) {
      for (int64_t j = 0; j < n; ++j) target[size_t(o + j)] = at[0] + (plan.stride[0][0] ? j : 0);
    });
  }
};

}  // namespace

// The first of equal elements gets the gradient.  Searches pieces of R for every o, and fills dx with zeros; then the
// first hit for each element of y gets its gradient.
void extreme_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx) {
  if (x.numel() == 0) return;
  const Search s(x.shape(), y.shape());
  with_float(x.dtype(), "max", [&]<class T>() {
    using A = acc_t<T>;
    const T *xs = x.read<T>(), *ys = y.read<T>(), *gs = dy.read<T>();
    T* out = dx.write<T>();
    Scratch<int64_t> place(s.L * s.O * s.pieces * s.C), first(y.numel());
    parallel_for(s.L * s.O * s.pieces * s.blocks, std::min(s.R, s.piece) * s.block, [&](int64_t task) {
      const int64_t p = task / s.blocks, o = p / s.pieces, r = p % s.pieces * s.piece;
      const int64_t rows = std::min(s.piece, s.R - r);
      const int64_t c = task % s.blocks * s.block, end = std::min(s.C, c + s.block);
      const int64_t from = (o * s.R + r) * s.C, to = (o / s.O * s.targets + s.target[size_t(o % s.O)]) * s.C;
      if (s.C == 1) place[p] = first_equal<A>(xs + from, ys[to], rows);
      else first_equal<A>(xs + from, ys + to, rows, s.C, c, end, place + p * s.C);
      if (s.blocks == 1) std::fill_n(out + from, rows * s.C, T(0.f));
      else
        for (int64_t i = 0; i < rows; ++i) std::fill(out + from + i * s.C + c, out + from + i * s.C + end, T(0.f));
    });
    parallel_for(s.L * s.blocks, s.O * s.pieces * s.block, [&](int64_t task) {
      const int64_t l = task / s.blocks, c0 = task % s.blocks * s.block, c1 = std::min(s.C, c0 + s.block);
      int64_t* mine = first + l * s.targets * s.C;
      for (int64_t t = 0; t < s.targets; ++t) std::fill(mine + t * s.C + c0, mine + t * s.C + c1, -1);
      for (int64_t i = s.O * s.pieces - 1; i >= 0; --i) {  // backward, so that the first hit remains
        const int64_t p = l * s.O * s.pieces + i, from = (p / s.pieces * s.R + p % s.pieces * s.piece) * s.C;
        int64_t* to = mine + s.target[size_t(i / s.pieces)] * s.C;
        for (int64_t c = c0; c < c1; ++c)
          if (const int64_t r = place[p * s.C + c]; r >= 0) to[c] = from + r * s.C + c;
      }
      for (int64_t t = 0; t < s.targets; ++t)
        for (int64_t c = c0; c < c1; ++c)
          if (mine[t * s.C + c] >= 0) out[mine[t * s.C + c]] = gs[(l * s.targets + t) * s.C + c];
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
