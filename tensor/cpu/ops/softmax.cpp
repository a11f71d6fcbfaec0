// softmax, log-softmax and log-sum-exp on the CPU, row by row: the maximum, the exponentials and their sum, the result.
//
//   softmax  e^(x - m) / s     log_softmax  x - m - log s     logsumexp  m + log s
//   with m = max x, s = sum e^(x - m)
//
// The second and third pass over a row find it in the cache, so memory is read once and written once.
#include "tensor/ops/softmax.h"

#include "tensor/cpu/kernels/rows.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"
#include "tensor/scalar/math.h"

namespace camo::kernel {
namespace {

int64_t row_count(const Tensor& x) { return x.shape().product(0, x.rank() - 1); }

/// Calls f(x row, y row) for every row; both tensors are (R, C).
template <class T, class F> void each_row(const Tensor& x, Tensor y, const F& f) {
  const int64_t C = x.dim(-1);
  const T* in = x.read<T>();
  T* out = y.write<T>();
  parallel_for(row_count(x), C, [&](int64_t r) { f(in + r * C, out + r * C); });
}

/// The sum of e^(x - m) over a row.
template <class A, class T> A exp_sum(const T* x, A m, int64_t C) {
  return row_sum<A>(C, [=](int64_t c, auto n) { return exp(load<A>(x + c, n) - m); });
}

}  // namespace

void softmax(Cpu, const Tensor& x, Tensor y) {
  with_float(x.dtype(), "softmax", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t R = row_count(x), C = x.dim(-1);
    const T* in = x.read<T>();
    T* out = y.write<T>();
    parallel_chunks(R, kGrain / std::max<int64_t>(C, 1), [=](int64_t begin, int64_t end) {
      // The exponentials are kept in y itself, unless y is too narrow for them.
      Scratch<A> wide(std::is_same_v<T, A> ? 0 : C);
      for (int64_t r = begin; r < end; ++r) {
        const T* row = in + r * C;
        A* e = wide;
        if constexpr (std::is_same_v<T, A>) e = out + r * C;
        const A m = row_max<A>(row, C);
        const A s = row_sum<A>(C, [=](int64_t c, auto n) {
          Vec<A> v = exp(load<A>(row + c, n) - m);
          store(v, e + c, n);
          return v;
        });
        each_vec<A>(C,
                    [=, to = out + r * C, q = 1 / s](int64_t c, auto n) { store(load<A>(e + c, n) * q, to + c, n); });
      }
    });
  });
}

void log_softmax(Cpu, const Tensor& x, Tensor y) {
  with_float(x.dtype(), "log_softmax", [&]<class T>() {
    using A = acc_t<T>;
    each_row<T>(x, y, [C = x.dim(-1)](const T* row, T* to) {
      const A m = row_max<A>(row, C), l = std::log(exp_sum(row, m, C));
      each_vec<A>(C, [=](int64_t c, auto n) { store(load<A>(row + c, n) - m - l, to + c, n); });
    });
  });
}

void logsumexp(Cpu, const Tensor& x, Tensor y) {
  with_float(x.dtype(), "logsumexp", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = x.dim(-1);
    parallel_for(row_count(x), C, [=, in = x.read<T>(), out = y.write<T>()](int64_t r) {
      const A m = row_max<A>(in + r * C, C);
      out[r] = T(m + std::log(exp_sum(in + r * C, m, C)));
    });
  });
}

// dx = y * (dy - <dy, y>).
void softmax_backward(Cpu, const Tensor& dy, const Tensor& y, Tensor dx) {
  with_float(y.dtype(), "softmax_backward", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = y.dim(-1);
    parallel_for(row_count(y), C, [=, dys = dy.read<T>(), ys = y.read<T>(), out = dx.write<T>()](int64_t r) {
      const T *d = dys + r * C, *p = ys + r * C;
      const A dot = row_sum<A>(C, [=](int64_t c, auto n) { return load<A>(d + c, n) * load<A>(p + c, n); });
      each_vec<A>(C, [=, to = out + r * C](int64_t c, auto n) {
        store(load<A>(p + c, n) * (load<A>(d + c, n) - dot), to + c, n);
      });
    });
  });
}

// dx = dy - e^y * sum dy.
void log_softmax_backward(Cpu, const Tensor& dy, const Tensor& y, Tensor dx) {
  with_float(y.dtype(), "log_softmax_backward", [&]<class T>() {
    using A = acc_t<T>;
    const int64_t C = y.dim(-1);
    parallel_for(row_count(y), C, [=, dys = dy.read<T>(), ys = y.read<T>(), out = dx.write<T>()](int64_t r) {
      const T *d = dys + r * C, *l = ys + r * C;
      const A total = row_sum<A>(C, [=](int64_t c, auto n) { return load<A>(d + c, n); });
      each_vec<A>(C, [=, to = out + r * C](int64_t c, auto n) {
        store(load<A>(d + c, n) - exp(load<A>(l + c, n)) * total, to + c, n);
      });
    });
  });
}

}  // namespace camo::kernel
