// Losses on the CPU.
//
// Both losses take logits and never compute the logarithm of a rounded probability.  Cross entropy saves the
// probabilities, so its backward pass is one subtraction.
#include "tensor/ops/loss.h"

#include "tensor/cpu/kernels/broadcast.h"
#include "tensor/cpu/kernels/rows.h"
#include "tensor/memory/scratch.h"
#include "tensor/scalar/functors.h"

namespace camo::kernel {

void bce_with_logits(Cpu, const Tensor& logits, const Tensor& target, Tensor y) {
  with_float(y.dtype(), "bce_with_logits", [&]<class T>() {
    map(
        y.numel(), y.write<T>(), [](auto z, auto t) { return Softplus::f(z) - z * t; }, logits.read<T>(),
        target.read<T>());
  });
}

void bce_with_logits_backward(Cpu, const Tensor& dy, const Tensor& logits, const Tensor& target, Tensor dx) {
  with_float(dy.dtype(), "bce_with_logits", [&]<class T>() {
    map(
        dy.numel(), dx.write<T>(), [](auto g, auto z, auto t) { return g * (Sigmoid::f(z) - t); }, dy.read<T>(),
        logits.read<T>(), target.read<T>());
  });
}

namespace {

/// Softmax of one row into p; returns log-sum-exp.  e holds C numbers and may be p.
template <class T, class A> A softmax_row(const T* z, int64_t C, A* e, T* p) {
  const A top = row_max<A>(z, C);
  const A sum = row_sum<A>(C, [=](int64_t c, auto n) {
    const Vec<A> v = camo::exp(load<A>(z + c, n) - Vec<A>(top));
    store(v, e + c, n);
    return v;
  });
  each_vec<A>(C, [=, q = 1 / sum](int64_t c, auto n) { store(load<A>(e + c, n) * q, p + c, n); });
  return camo::log(sum) + top;
}

}  // namespace

void cross_entropy(Cpu, const Tensor& logits, const Tensor& labels, const CrossEntropyOut& out) {
  auto [R, C] = dims<2>(logits, "cross_entropy: logits (R, C)");
  const int64_t* label = labels.read<int64_t>();
  with_float(logits.dtype(), "cross_entropy", [&, R = R, C = C]<class T>() {
    using A = acc_t<T>;
    const T* z = logits.read<T>();
    T* p = Tensor(out.probability).write<T>();
    const double sum = parallel_sum<double>(R, kGrain / C, [=](int64_t begin, int64_t end) {
      Scratch<A> wide(std::is_same_v<T, A> ? 0 : C);  // for the exponentials, unless p can hold them
      double loss = 0;
      for (int64_t r = begin; r < end; ++r) {
        A* e = wide;
        if constexpr (std::is_same_v<T, A>) e = p + r * C;
        loss += double(softmax_row(z + r * C, C, e, p + r * C) - A(z[r * C + label[r]]));
      }
      return loss;
    });
    *Tensor(out.loss).write<T>() = T(A(sum / double(R)));
  });
}

void cross_entropy_backward(Cpu, const Tensor& dy, const Tensor& probability, const Tensor& labels, Tensor dx) {
  auto [R, C] = dims<2>(probability, "cross_entropy: probability (R, C)");
  const int64_t* label = labels.read<int64_t>();
  with_float(dy.dtype(), "cross_entropy", [&, R = R, C = C]<class T>() {
    using A = acc_t<T>;
    using V = Vec<A>;
    const T* p = probability.read<T>();
    T* out = dx.write<T>();
    const A scale = A(*dy.read<T>()) / A(R);
    parallel_for(R, C, [=](int64_t r) {
      map_run<true>(
          C, out + r * C, [=](V v) { return v * V(scale); }, p + r * C);
      const int64_t hit = r * C + label[r];
      out[hit] = T((A(p[hit]) - 1) * scale);
    });
  });
}

}  // namespace camo::kernel
