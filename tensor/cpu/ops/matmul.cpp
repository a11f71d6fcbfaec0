// matmul, linear and column sums on the CPU: which product of tensor/cpu/kernels/gemm.h is used.
//
//   a b, a b^T    multiply               a read in place, b packed
//   a^T b         multiply_transposed    both packed, long sums cut into runs
#include "tensor/ops/matmul.h"

#include "tensor/cpu/kernels/gemm.h"
#include "tensor/cpu/vec.h"
#include "tensor/memory/scratch.h"
#include "tensor/parallel.h"
#include "tensor/scalar/integer.h"

namespace camo::kernel {
namespace {

/// Calls f(i) for every product: in parallel if there are many, else one after another, each on all threads.
template <class F> void each_product(int64_t batch, const F& f) {
  if (batch >= 4) return parallel_chunks(batch, 1, [&](int64_t i, int64_t) { f(i); });
  for (int64_t i = 0; i < batch; ++i) f(i);
}

/// The distance between the operands of two products; 0 for an operand that every product uses.
int64_t step(const Tensor& t) { return t.rank() == 2 ? 0 : t.dim(-1) * t.dim(-2); }

/// Calls f.operator()<TA, TB>() for the type pairs that a product takes: equal types, or bf16 with f32.
template <class F> void with_pair(const Tensor& a, const Tensor& b, F&& f) {
  with_float(a.dtype(), "matmul", [&]<class TA>() {
    if (b.dtype() == a.dtype()) return f.template operator()<TA, TA>();
    if constexpr (std::is_same_v<TA, bf16>) f.template operator()<bf16, float>();
  });
}

}  // namespace

void matmul(Cpu, const Tensor& a, const Tensor& b, Trans ta, Trans tb, Tensor y) {
  const int64_t batch = y.shape().product(0, y.rank() - 2), M = y.dim(-2), N = y.dim(-1);
  const int64_t K = a.dim(ta == Trans::no ? -1 : -2), as = step(a), bs = step(b), ys = M * N;
  with_pair(a, b, [&]<class TA, class TB>() {
    const TA* pa = a.read<TA>();
    const TB* pb = b.read<TB>();
    if (ta == Trans::yes) {
      auto* py = y.write<acc_t<TA>>();
      each_product(batch, [&](int64_t i) {
        multiply_transposed<TA, TB>(dense(pa + i * as, K, M, M), dense(pb + i * bs, K, N, N), py + i * ys, N);
      });
    } else {
      TA* py = y.write<TA>();
      each_product(batch, [&](int64_t i) {
        multiply<TA, TB, TA>(dense(pa + i * as, M, K, K), {pb + i * bs, tb == Trans::yes ? K : N, tb}, N,
                             {py + i * ys, N});
      });
    }
  });
}

void linear(Cpu, const Tensor& x, const Tensor& weight, const Tensor& bias, Act act, Tensor y) {
  const int64_t O = weight.dim(0), I = weight.dim(1), R = y.shape().product(0, y.rank() - 1);
  with_float(x.dtype(), "linear", [&]<class T>() {
    using A = acc_t<T>;
    multiply<T, A, T>(dense(x.read<T>(), R, I, I), {weight.read<A>(), I, Trans::yes}, O, {y.write<T>(), O},
                      {bias.defined() ? bias.read<A>() : nullptr, act});
  });
}

void linear_input_grad(Cpu, const Tensor& dy, const Tensor& weight, Tensor dx) {
  const int64_t O = weight.dim(0), I = weight.dim(1), R = dy.shape().product(0, dy.rank() - 1);
  with_float(dy.dtype(), "linear", [&]<class T>() {
    using A = acc_t<T>;
    multiply<T, A, T>(dense(dy.read<T>(), R, O, O), {weight.read<A>(), I}, I, {dx.write<T>(), I});
  });
}

void linear_weight_grad(Cpu, const Tensor& dy, const Tensor& x, Tensor dweight) {
  const int64_t O = dweight.dim(0), I = dweight.dim(1), R = dy.shape().product(0, dy.rank() - 1);
  with_float(dy.dtype(), "linear", [&]<class T>() {
    multiply_transposed<T, T>(dense(dy.read<T>(), R, O, O), dense(x.read<T>(), R, I, I), dweight.write<acc_t<T>>(), I);
  });
}

void column_sums(Cpu, const Tensor& x, Tensor sums) {
  constexpr int64_t kRows = 256;  // rows summed at a time; the partial sums are added in order
  const int64_t C = x.dim(-1), R = x.shape().product(0, x.rank() - 1), parts = std::max<int64_t>(ceil_div(R, kRows), 1);
  with_float(x.dtype(), "column_sums", [&]<class T>() {
    using A = acc_t<T>;
    constexpr int S = Vec<A>::size;
    const T* in = x.read<T>();
    A* out = sums.write<A>();
    Scratch<A> part(parts * C);
    parallel_chunks(parts, std::max<int64_t>(kGrain / (kRows * std::max<int64_t>(C, 1)), 1),
                    [&](int64_t begin, int64_t end) {
                      for (int64_t p = begin; p < end; ++p)
                        for (int64_t c = 0; c < C; c += S) {
                          const int n = int(std::min<int64_t>(S, C - c));
                          Vec<A> sum(0);
                          for (int64_t r = p * kRows; r < std::min(R, (p + 1) * kRows); ++r)
                            sum += n == S ? Vec<A>::load(in + r * C + c) : Vec<A>::load(in + r * C + c, n);
                          sum.store(part + p * C + c, n);
                        }
                    });
    for (int64_t c = 0; c < C; ++c) out[c] = 0;
    for (int64_t p = 0; p < parts; ++p)
      for (int64_t c = 0; c < C; ++c) out[c] += part[p * C + c];
  });
}

}  // namespace camo::kernel
