// Reductions over any set of axes, on the CPU.
//
// Neighbouring axes merge, and then every reduction is a chain of folds of (K, R, C) over R: all axes are (1, R, 1),
// the last one (K, R, 1), the leading ones (1, R, C).  The fold itself is in tensor/cpu/kernels/fold.h.
// Between the folds of a chain numbers stay in acc_dtype; they are rounded to x's dtype once, at the end.
#include "tensor/ops/reduce.h"

#include "tensor/cpu/kernels/broadcast.h"
#include "tensor/cpu/kernels/fold.h"

namespace camo {

// ---- kernels ----------------------------------------------------------------------------------------------

namespace kernel {
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
  Broadcast<2> plan(x.shape(), {x.shape(), mean.shape()});
  with_float(x.dtype(), "variance", [&]<class T>() {
    using A = acc_t<T>;
    map_broadcast(
        plan, y.write<A>(), [](auto u, auto m) { return (u - m) * (u - m); }, x.read<T>(), mean.read<A>());
  });
}

void variance_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& mean, double factor, Tensor dx) {
  Broadcast<3> plan(x.shape(), {dy.shape(), x.shape(), mean.shape()});
  with_float(x.dtype(), "variance", [&]<class T>() {
    using A = acc_t<T>;
    map_broadcast(
        plan, dx.write<T>(), [s = Vec<A>(A(factor))](auto g, auto u, auto m) { return g * s * (u - m); }, dy.read<T>(),
        x.read<T>(), mean.read<A>());
  });
}

// Plain, and in order: the first of equal elements must win.  Parallel over the leading axes that were kept.
void extreme_backward(Cpu, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx) {
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
      using V = Vec<A>;  // 0 x is 0 for every finite x, else NaN
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
      double lane[16] = {};  // as many sums as hide the latency of an addition
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

}  // namespace kernel

// ---- tensor functions ---------------------------------------------------------------------------------------

namespace {

/// Which axes are folded.
std::array<bool, kMaxRank> folded_axes(const Shape& x, const std::vector<int>& axes, const char* op) {
  std::array<bool, kMaxRank> folded{};
  if (axes.empty()) folded.fill(true);
  for (int a : axes) {
    const int axis = x.axis(a);
    check(!folded[axis], op, ": axis ", a, " of ", x, " is named twice");
    folded[axis] = true;
  }
  return folded;
}

int64_t folded_count(const Tensor& x, const std::vector<int>& axes, const char* op) {
  const auto folded = folded_axes(x.shape(), axes, op);
  int64_t n = 1;
  for (int i = 0; i < x.rank(); ++i)
    if (folded[i]) n *= x.dim(i);
  return n;
}

/// Folds innermost axes first; the result is in acc_dtype, its axes kept as 1.
Tensor fold(kernel::Fold op, const Tensor& x, const std::vector<int>& axes, const char* name) {
  check<DTypeError>(is_float(x.dtype()), name, ": takes f32, f64 or bf16, got ", x.dtype());
  const auto folded = folded_axes(x.shape(), axes, name);
  const DType acc = acc_dtype(x.dtype());
  if (x.numel() == 0) return full(reduced_shape(x.shape(), axes, true, name), 0, acc, x.device());
  Tensor now = x;
  for (int end = x.rank(); end > 0;) {
    if (!folded[end - 1] || x.dim(end - 1) == 1) {
      --end;
      continue;
    }
    int begin = end - 1;
    while (begin > 0 && (folded[begin - 1] || x.dim(begin - 1) == 1)) --begin;
    const int64_t K = x.shape().product(0, begin), R = x.shape().product(begin, end), C = now.numel() / (K * R);
    Tensor next = empty({K, C}, acc, x.device());
    on(x.device(), [&](auto where) { kernel::fold(where, op, now.reshape({K, R, C}), next); });
    now = next, end = begin;
  }
  now = now.reshape(reduced_shape(x.shape(), axes, true, name));
  if (now.storage() != x.storage()) return now;
  Tensor y = empty(now.shape(), acc, x.device());  // nothing was folded: widen
  if (acc == x.dtype()) copy_into(y, now);
  else on(x.device(), [&](auto where) { kernel::spread(where, now, 1, y); });
  return y;
}

/// Scales, rounds to the dtype of the op's input and gives the shape asked for.
Tensor finish(const Tensor& folded, double factor, DType dtype, const Shape& shape) {
  Tensor y = folded;
  if (factor != 1 || dtype != folded.dtype()) {
    y = empty(folded.shape(), dtype, folded.device());
    on(y.device(), [&](auto where) { kernel::spread(where, folded, factor, y); });
  }
  return y.reshape(shape);
}

Tensor extreme(kernel::Fold op, const Tensor& x, const std::vector<int>& axes, bool keep, const char* name) {
  check(folded_count(x, axes, name) > 0, name, ": of no elements: x ", x.shape());
  return finish(fold(op, x, axes, name), 1, x.dtype(), reduced_shape(x.shape(), axes, keep, name));
}

}  // namespace

Shape reduced_shape(const Shape& x, const std::vector<int>& axes, bool keep, const char* op) {
  const auto folded = folded_axes(x, axes, op);
  std::vector<int64_t> out;
  for (int i = 0; i < x.rank(); ++i) {
    if (!folded[i]) out.push_back(x[i]);
    else if (keep) out.push_back(1);
  }
  return Shape(out);
}

Tensor sum(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return finish(fold(kernel::Fold::sum, x, axes, "sum"), 1, x.dtype(), reduced_shape(x.shape(), axes, keep, "sum"));
}

Tensor mean(const Tensor& x, const std::vector<int>& axes, bool keep) {
  const int64_t n = folded_count(x, axes, "mean");
  check(n > 0, "mean: of no elements: x ", x.shape());
  return finish(fold(kernel::Fold::sum, x, axes, "mean"), 1. / double(n), x.dtype(),
                reduced_shape(x.shape(), axes, keep, "mean"));
}

Tensor max(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return extreme(kernel::Fold::max, x, axes, keep, "max");
}
Tensor min(const Tensor& x, const std::vector<int>& axes, bool keep) {
  return extreme(kernel::Fold::min, x, axes, keep, "min");
}

Tensor mean_kept(const Tensor& x, const std::vector<int>& axes) {
  Tensor s = fold(kernel::Fold::sum, x, axes, "variance");
  return finish(s, 1. / double(folded_count(x, axes, "variance")), s.dtype(), s.shape());
}

Tensor variance(const Tensor& x, const std::vector<int>& axes, bool keep) {
  const int64_t n = folded_count(x, axes, "variance");
  check(n > 0, "variance: of no elements: x ", x.shape());
  Tensor m = mean_kept(x, axes), square = empty(x.shape(), m.dtype(), x.device());
  on(x.device(), [&](auto where) { kernel::squared_distance(where, x, m, square); });
  return finish(fold(kernel::Fold::sum, square, axes, "variance"), 1. / double(n), x.dtype(),
                reduced_shape(x.shape(), axes, keep, "variance"));
}

Tensor spread(const Tensor& dy, const Shape& to, double factor) {
  check(broadcast(dy.shape(), to, "spread") == to, "spread: ", dy.shape(), " does not broadcast to ", to);
  Tensor dx = empty(to, dy.dtype(), dy.device());
  on(dy.device(), [&](auto where) { kernel::spread(where, dy, factor, dx); });
  return dx;
}

Tensor extreme_backward(const Tensor& dy, const Tensor& x, const Tensor& y) {
  Tensor dx = empty_like(x);
  on(x.device(), [&](auto where) { kernel::extreme_backward(where, dy, x, y, dx); });
  return dx;
}

Tensor variance_backward(const Tensor& dy, const Tensor& x, const Tensor& mean) {
  Tensor dx = empty_like(x);
  const double factor = 2. * double(mean.numel()) / double(std::max<int64_t>(x.numel(), 1));
  on(x.device(), [&](auto where) { kernel::variance_backward(where, dy, x, mean, factor, dx); });
  return dx;
}

Tensor argmax(const Tensor& x, int axis, bool keep) {
  axis = x.shape().axis(axis);
  check(x.dim(axis) > 0, "argmax: of no elements: x ", x.shape(), ", axis ", axis);
  const int64_t K = x.shape().product(0, axis), R = x.dim(axis), C = x.shape().product(axis + 1, x.rank());
  Tensor y = empty(keep ? x.shape().with(axis, 1) : x.shape().without(axis), DType::i64, x.device());
  on(x.device(), [&](auto where) { kernel::argmax(where, x.reshape({K, R, C}), y); });
  return y;
}

bool all_finite(const Tensor& x) {
  bool finite = true;
  on(x.device(), [&](auto where) { kernel::all_finite(where, x, finite); });
  return finite;
}

double sum_of_squares(const Tensor& x) { return sums_of_squares({x})[0]; }

std::vector<double> sums_of_squares(const std::vector<Tensor>& x) {
  std::vector<double> sums(x.size());
  if (x.empty()) return sums;
  for (const Tensor& t : x)
    check<DeviceError>(t.device() == x[0].device(), "sums_of_squares: tensors on ", x[0].device(), " and ", t.device());
  on(x[0].device(), [&](auto where) { kernel::sums_of_squares(where, x, sums.data()); });
  return sums;
}

}  // namespace camo
