// Losses on the GPU.
//
// bce_with_logits is an elementwise map.  In cross entropy, a warp owns a row of up to 1024 classes, a block a longer
// one.  The row is read from memory once and twice more from the cache, and its probabilities are written once.  The
// loss of a row is one double; a reduction of fixed shape sums them.  Bound by memory: logits and probabilities.
#include "cuda/kernels/fold.cuh"
#include "cuda/tools/map.cuh"
#include "tensor/ops/loss.h"
#include "tensor/scalar/functors.h"

namespace camo::kernel {
namespace {

struct BceValue {
  template <class A> CAMO_HD A operator()(A z, A t) const { return Softplus::f(z) - z * t; }
};
struct BceSlope {
  template <class A> CAMO_HD A operator()(A dy, A z, A t) const { return dy * (Sigmoid::f(z) - t); }
};

template <class A> struct MaxOf {
  CAMO_HD A nothing() const { return -std::numeric_limits<A>::infinity(); }
  CAMO_HD A join(A a, A b) const { return a != a || a > b ? a : b; }
};

/// A team of `lanes` threads per row: writes the softmax to p, and log-sum-exp minus the label's logit to loss.
template <class T, class A = acc_t<T>>
__global__ void cross_entropy_rows(const T* logits, const int64_t* label, int64_t R, int64_t C, int lanes, T* p,
                                   double* loss) {
  const int team = int(threadIdx.x) / lanes, lane = int(threadIdx.x) % lanes, teams = int(blockDim.x) / lanes;
  for (int64_t first = int64_t(blockIdx.x) * teams; first < R; first += int64_t(gridDim.x) * teams) {
    const bool live = first + team < R;
    const int64_t r = live ? first + team : R - 1;
    const T* z = logits + r * C;
    const MaxOf<A> larger;
    A top = larger.nothing();
    for (int64_t c = lane; c < C; c += lanes) top = larger.join(top, cuda::widen(z[c]));
    top = cuda::team_fold<MaxOf<A>, A>(top, lanes, larger);
    A sum = 0;
    for (int64_t c = lane; c < C; c += lanes) sum += camo::exp(cuda::widen(z[c]) - top);
    sum = cuda::team_fold(sum, lanes, cuda::Sum<A>{});
    const A log_sum = camo::log(sum) + top;
    for (int64_t c = lane; c < C && live; c += lanes) p[r * C + c] = T(camo::exp(cuda::widen(z[c]) - log_sum));
    if (live && lane == 0) loss[r] = double(log_sum - cuda::widen(z[label[r]]));
  }
}

/// sum / R, rounded as on the CPU.
template <class A> struct MeanOf {
  double count;
  CAMO_HD A operator()(double sum) const { return A(sum / count); }
};

template <class T, class A = acc_t<T>>
__global__ void cross_entropy_slopes(const T* dy, const T* p, const int64_t* label, int64_t R, int64_t C, T* dx) {
  const A scale = cuda::widen(*dy) / A(R);
  for (int64_t i = cuda::first_item(); i < R * C; i += cuda::item_stride()) {
    const int64_t r = i / C;
    dx[i] = T((cuda::widen(p[i]) - (i - r * C == label[r] ? A(1) : A(0))) * scale);
  }
}

}  // namespace

void bce_with_logits(Cuda where, const Tensor& logits, const Tensor& target, Tensor y) {
  with_float(y.dtype(), "bce_with_logits", [&]<class T>() {
    cuda::map(where, "bce_with_logits", y.numel(), BceValue{}, y.write<T>(), logits.read<T>(), target.read<T>());
  });
}

void bce_with_logits_backward(Cuda where, const Tensor& dy, const Tensor& logits, const Tensor& target, Tensor dx) {
  with_float(dy.dtype(), "bce_with_logits", [&]<class T>() {
    cuda::map(where, "bce_with_logits_backward", dy.numel(), BceSlope{}, dx.write<T>(), dy.read<T>(), logits.read<T>(),
              target.read<T>());
  });
}

void cross_entropy(Cuda where, const Tensor& logits, const Tensor& labels, const CrossEntropyOut& out) {
  auto [R, C] = dims<2>(logits, "cross_entropy: logits (R, C)");
  with_float(logits.dtype(), "cross_entropy", [&, R = R, C = C]<class T>() {
    using A = acc_t<T>;
    const Scratch<double> loss(where, R), sum(where, 1);
    const int lanes = C <= 1024 ? 32 : cuda::kThreads;
    cuda::launch(where, "cross_entropy", cuda::blocks(R, cuda::kThreads / lanes), cuda::kThreads, 0,
                 cross_entropy_rows<T>, logits.read<T>(), labels.read<int64_t>(), R, C, lanes,
                 Tensor(out.probability).write<T>(), loss);
    const double *losses = loss, *total = sum;
    cuda::fold(where, "sum", cuda::Sum<double>{}, losses, 1, R, 1, static_cast<double*>(sum));
    cuda::map(where, "mean", 1, MeanOf<A>{double(R)}, Tensor(out.loss).write<T>(), total);
  });
}

void cross_entropy_backward(Cuda where, const Tensor& dy, const Tensor& probability, const Tensor& labels, Tensor dx) {
  auto [R, C] = dims<2>(probability, "cross_entropy: probability (R, C)");
  with_float(dy.dtype(), "cross_entropy", [&, R = R, C = C]<class T>() {
    cuda::launch(where, "cross_entropy_backward", cuda::blocks(R * C), cuda::kThreads, 0, cross_entropy_slopes<T>,
                 dy.read<T>(), probability.read<T>(), labels.read<int64_t>(), R, C, dx.write<T>());
  });
}

}  // namespace camo::kernel
