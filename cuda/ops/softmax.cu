// softmax, log-softmax and log-sum-exp on the GPU, one team of threads per row (cuda/tools/rows.cuh): the maximum, the
// sum of exponentials, the result.  Formulas: tensor/cpu/ops/softmax.cpp.
//
// Bound by memory: x is read once from memory and twice more from the L1 cache, y is written once.  Exponentials are
// computed twice, which costs less than storing them.
#include "cuda/tools/rows.cuh"
#include "tensor/ops/softmax.h"

namespace camo::kernel {
namespace {

using cuda::Pack;
using cuda::Team;

template <class A> struct RowSum {
  A top, sum;  // m = max x, sum of e^(x - m)
};

template <int N, class T, class A = acc_t<T>> __device__ RowSum<A> row_sum(const Team& team, const T* x, int64_t C) {
  A top = -std::numeric_limits<A>::infinity(), sum = 0;
  team.each_pack<N>(C, [&](int64_t c) {
    const Pack<A, N> v = cuda::load<N>(x + c);
    for (int j = 0; j < N; ++j) top = cuda::Larger{}(v.at[j], top);
  });
  top = team.max(top);
  team.each_pack<N>(C, [&](int64_t c) {
    const Pack<A, N> v = cuda::load<N>(x + c);
    for (int j = 0; j < N; ++j) sum += camo::exp(v.at[j] - top);
  });
  return {top, team.sum(sum)};
}

/// y = e^(x - m) / s, or its logarithm.
template <bool kLog, class T, int N> __global__ void softmax_rows(const T* x, T* y, int64_t R, int64_t C, int size) {
  using A = acc_t<T>;
  const Team team(size);
  team.each_row(R, [&](int64_t r) {
    const int64_t n = r < R ? C : 0;
    const RowSum<A> row = row_sum<N>(team, x + r * C, n);
    const A q = kLog ? camo::log(row.sum) : 1 / row.sum;
    team.each_pack<N>(n, [&](int64_t c) {
      Pack<A, N> v = cuda::load<N>(x + r * C + c);
      for (A& e : v.at) e = kLog ? e - row.top - q : camo::exp(e - row.top) * q;
      cuda::store(v, y + r * C + c);
    });
  });
}

template <class T, int N> __global__ void logsumexp_rows(const T* x, T* y, int64_t R, int64_t C, int size) {
  using A = acc_t<T>;
  const Team team(size);
  team.each_row(R, [&](int64_t r) {
    const RowSum<A> row = row_sum<N>(team, x + r * C, r < R ? C : 0);
    if (r < R && team.lane == 0) y[r] = cuda::narrow<T>(row.top + camo::log(row.sum));
  });
}

/// dx = y (dy - <dy, y>), or dy - e^y sum(dy).
template <bool kLog, class T, int N>
__global__ void softmax_backward_rows(const T* dy, const T* y, T* dx, int64_t R, int64_t C, int size) {
  using A = acc_t<T>;
  const Team team(size);
  team.each_row(R, [&](int64_t r) {
    const int64_t n = r < R ? C : 0, row = r * C;
    A sum = 0;
    team.each_pack<N>(n, [&](int64_t c) {
      const Pack<A, N> d = cuda::load<N>(dy + row + c), p = cuda::load<N>(y + row + c);
      for (int j = 0; j < N; ++j) sum += kLog ? d.at[j] : d.at[j] * p.at[j];
    });
    sum = team.sum(sum);
    team.each_pack<N>(n, [&](int64_t c) {
      Pack<A, N> d = cuda::load<N>(dy + row + c);
      const Pack<A, N> p = cuda::load<N>(y + row + c);
      for (int j = 0; j < N; ++j) d.at[j] = kLog ? d.at[j] - camo::exp(p.at[j]) * sum : p.at[j] * (d.at[j] - sum);
      cuda::store(d, dx + row + c);
    });
  });
}

/// Calls f.operator()<T, N>(R, C, team size, grid) for the rows of x.
template <class F> void with_rows(const char* op, const Tensor& x, F f) {
  const int64_t R = x.shape().product(0, x.rank() - 1), C = x.dim(-1);
  with_float(x.dtype(), op, [&]<class T>() {
    cuda::with_pack<T>(C, [&]<int N>() {
      const int size = cuda::team_size(C, N);
      f.template operator()<T, N>(R, C, size, cuda::blocks(R, cuda::kThreads / size));
    });
  });
}

template <bool kLog> void forward(Cuda where, const char* op, const Tensor& x, Tensor y) {
  with_rows(op, x, [&]<class T, int N>(int64_t R, int64_t C, int size, dim3 grid) {
    cuda::launch(where, op, grid, cuda::kThreads, 0, softmax_rows<kLog, T, N>, x.read<T>(), y.write<T>(), R, C, size);
  });
}

template <bool kLog> void backward(Cuda where, const char* op, const Tensor& dy, const Tensor& y, Tensor dx) {
  with_rows(op, y, [&]<class T, int N>(int64_t R, int64_t C, int size, dim3 grid) {
    cuda::launch(where, op, grid, cuda::kThreads, 0, softmax_backward_rows<kLog, T, N>, dy.read<T>(), y.read<T>(),
                 dx.write<T>(), R, C, size);
  });
}

}  // namespace

void softmax(Cuda where, const Tensor& x, Tensor y) { forward<false>(where, "softmax", x, y); }
void log_softmax(Cuda where, const Tensor& x, Tensor y) { forward<true>(where, "log_softmax", x, y); }

void logsumexp(Cuda where, const Tensor& x, Tensor y) {
  with_rows("logsumexp", x, [&]<class T, int N>(int64_t R, int64_t C, int size, dim3 grid) {
    cuda::launch(where, "logsumexp", grid, cuda::kThreads, 0, logsumexp_rows<T, N>, x.read<T>(), y.write<T>(), R, C,
                 size);
  });
}

void softmax_backward(Cuda where, const Tensor& dy, const Tensor& y, Tensor dx) {
  backward<false>(where, "softmax_backward", dy, y, dx);
}
void log_softmax_backward(Cuda where, const Tensor& dy, const Tensor& y, Tensor dx) {
  backward<true>(where, "log_softmax_backward", dy, y, dx);
}

}  // namespace camo::kernel
