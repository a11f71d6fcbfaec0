// Reductions on the GPU: folds (cuda/kernels/fold.cuh), their adjoints as maps (cuda/tools/map.cuh), and two numbers
// that the host asks for.
//
// Bound by memory: each operand is read once.  The adjoint of max and min reads x twice: first to find the index of the
// first element that equals each extreme (itself a reduction), then to write dx.
#include "cuda/kernels/fold.cuh"
#include "cuda/runtime.h"
#include "cuda/tools/map.cuh"
#include "cuda/tools/tensor_list.cuh"
#include "tensor/ops/reduce.h"

namespace camo::kernel {
namespace {

using cuda::Best;

/// max and min: the largest of sign * x, times sign.  NaN wins.
template <class A> struct Extreme {
  using Acc = A;
  using Out = A;
  A sign;
  CAMO_HD A nothing() const { return -sign * std::numeric_limits<A>::infinity(); }
  CAMO_HD A first(A x, int64_t, int64_t, int64_t) const { return x; }
  CAMO_HD A join(A a, A b) const { return a != a || sign * a > sign * b ? a : b; }
  Extreme rest() const { return *this; }
};

struct PlaceOf {
  template <class A> CAMO_HD int64_t operator()(Best<A> x) const { return x.index; }
};

struct Least {
  using Acc = int64_t;
  using Out = int64_t;
  CAMO_HD int64_t nothing() const { return std::numeric_limits<int64_t>::max(); }
  CAMO_HD int64_t first(int64_t x, int64_t, int64_t, int64_t) const { return x; }
  CAMO_HD int64_t join(int64_t a, int64_t b) const { return a < b ? a : b; }
  Least rest() const { return {}; }
};

/// k R + r for the first element of (K, R, C) that equals its extreme.
template <class T> struct FirstMatch : Least {
  cuda::Places<1> places;  // positions of the extremes, broadcast to the shape of x
  const T* extreme;
  int64_t R, C;
  __device__ int64_t first(acc_t<T> x, int64_t r, int64_t k, int64_t c) const {
    int64_t at[1];
    places.at(k * R * C + c, at);
    const acc_t<T> best = cuda::widen(extreme[at[0]]);
    return x == best || (x != x && best != best) ? k * R + r : nothing();
  }
  Least rest() const { return {}; }
};

template <class T>
__global__ void extreme_gradient(const __grid_constant__ cuda::Places<1> places, int64_t C, const int64_t* first,
                                 const T* dy, T* dx) {
  for (int64_t i = cuda::first_item(); i < places.numel; i += cuda::item_stride()) {
    int64_t at[1];
    places.at(i, at);
    dx[i] = first[at[0]] == i / C ? dy[at[0]] : T(0.f);
  }
}

template <class A> struct Scaled {
  A factor;
  CAMO_HD A operator()(A x) const { return x * factor; }
};
struct SquaredDistance {
  template <class A> CAMO_HD A operator()(A x, A mean) const { return (x - mean) * (x - mean); }
};
template <class A> struct VarianceSlope {
  A factor;
  CAMO_HD A operator()(A dy, A x, A mean) const { return dy * factor * (x - mean); }
};

/// 0 for every finite number, else NaN.
template <class A> struct NaughtOrNaN : cuda::Sum<A> {
  CAMO_HD double first(A x, int64_t, int64_t, int64_t) const { return double(x * A(0)); }
};

struct Squares {
  const void* x;
  DType dtype;
  int64_t n, first;
};

template <class T> __device__ double sum_of_squares(const T* x, int64_t begin, int64_t end) {
  constexpr int N = cuda::kPack<T>;
  const bool aligned = reinterpret_cast<uintptr_t>(x) % alignof(cuda::Pack<T, N>) == 0;
  double sum[N] = {};
  for (int64_t i = begin + int64_t(threadIdx.x) * N; i < end; i += int64_t(blockDim.x) * N) {
    const cuda::Pack<T, N> pack = cuda::load_pack<N>(x + i, end - i, aligned);
    for (int j = 0; j < N; ++j) sum[j] += double(cuda::widen(pack.at[j])) * double(cuda::widen(pack.at[j]));
  }
  for (int j = 1; j < N; ++j) sum[0] += sum[j];
  return sum[0];
}

/// One block per piece.
__global__ void squares_of_pieces(const Squares* items, int64_t count, int64_t pieces, double* part) {
  for (int64_t p = blockIdx.x; p < pieces; p += gridDim.x) {
    const Squares item = cuda::item_of(items, count, p);
    const int64_t begin = (p - item.first) * cuda::kItemPiece, whole = begin + cuda::kItemPiece;
    const int64_t end = whole < item.n ? whole : item.n;
    double sum;
    if (item.dtype == DType::f32) sum = sum_of_squares(static_cast<const float*>(item.x), begin, end);
    else if (item.dtype == DType::f64) sum = sum_of_squares(static_cast<const double*>(item.x), begin, end);
    else sum = sum_of_squares(static_cast<const bf16*>(item.x), begin, end);
    sum = cuda::block_sum(sum);
    if (threadIdx.x == 0) part[p] = sum;
  }
}

/// One block per item.
__global__ void squares_of_items(const Squares* items, int64_t count, const double* part, double* sum) {
  for (int64_t i = blockIdx.x; i < count; i += gridDim.x) {
    const int64_t first = items[i].first, last = first + (items[i].n + cuda::kItemPiece - 1) / cuda::kItemPiece;
    double mine = 0;
    for (int64_t p = first + threadIdx.x; p < last; p += blockDim.x) mine += part[p];
    mine = cuda::block_sum(mine);
    if (threadIdx.x == 0) sum[i] = mine;
  }
}

}  // namespace

void fold(Cuda where, Fold op, const Tensor& x, Tensor y) {
  auto [K, R, C] = dims<3>(x, "fold: x (K, R, C)");
  with_float(x.dtype(), "reduce", [&, K = K, R = R, C = C]<class T>() {
    using A = acc_t<T>;
    if (op == Fold::sum) cuda::fold(where, "sum", cuda::Sum<A>{}, x.read<T>(), K, R, C, y.write<A>());
    else cuda::fold(where, "extreme", Extreme<A>{op == Fold::max ? A(1) : A(-1)}, x.read<T>(), K, R, C, y.write<A>());
  });
}

void argmax(Cuda where, const Tensor& x, Tensor y) {
  auto [K, R, C] = dims<3>(x, "argmax: x (K, R, C)");
  with_float(x.dtype(), "argmax", [&, K = K, R = R, C = C]<class T>() {
    using A = acc_t<T>;
    const Scratch<Best<A>> best(where, K * C);
    cuda::fold(where, "argmax", cuda::Foremost<A>{}, x.read<T>(), K, R, C, static_cast<Best<A>*>(best));
    cuda::map(where, "argmax", K * C, PlaceOf{}, y.write<int64_t>(), static_cast<const Best<A>*>(best));
  });
}

// Reduced and kept axes of x alternate after merging.  The first fold compares with y, the others take
// the smallest index.
void extreme_backward(Cuda where, const Tensor& dy, const Tensor& x, const Tensor& y, Tensor dx) {
  if (x.numel() == 0) return;
  const Broadcast<1> plan(x.shape(), {y.shape()});
  int axis = plan.stride[0][0] == 0 ? 0 : 1;  // the innermost reduced axis
  if (axis >= plan.rank) return cuda::copy(where, dy.raw(), dx.raw_write(), dy.bytes());
  const int64_t C0 = axis ? plan.length[0] : 1;
  with_float(x.dtype(), "max", [&]<class T>() {
    int64_t C = C0, R = plan.length[axis], K = x.numel() / (R * C);
    auto place = std::make_unique<Scratch<int64_t>>(where, K * C);
    const FirstMatch<T> match{{}, cuda::Places<1>(plan), y.read<T>(), R, C};
    cuda::fold(where, "first_match", match, x.read<T>(), K, R, C, static_cast<int64_t*>(*place));
    for (axis += 2; axis < plan.rank; axis += 2) {
      C *= plan.length[axis - 1], R = plan.length[axis], K /= plan.length[axis - 1] * R;
      auto next = std::make_unique<Scratch<int64_t>>(where, K * C);
      const int64_t* before = *place;
      cuda::fold(where, "first_match", Least{}, before, K, R, C, static_cast<int64_t*>(*next));
      place = std::move(next);
    }
    cuda::launch(where, "extreme_backward", cuda::blocks(x.numel()), cuda::kThreads, 0, extreme_gradient<T>, plan, C0,
                 static_cast<const int64_t*>(*place), dy.read<T>(), dx.write<T>());
  });
}

void spread(Cuda where, const Tensor& x, double factor, Tensor y) {
  const Broadcast<1> plan(y.shape(), {x.shape()});
  with_float(y.dtype(), "spread", [&]<class T>() {
    with_float(x.dtype(), "spread", [&]<class S>() {
      using A = acc_t<T>;
      if constexpr (std::is_same_v<acc_t<S>, A>)
        cuda::map(where, "spread", plan, Scaled<A>{A(factor)}, y.write<T>(), x.read<S>());
    });
  });
}

void squared_distance(Cuda where, const Tensor& x, const Tensor& mean, Tensor y) {
  const Broadcast<2> plan(x.shape(), {x.shape(), mean.shape()});
  with_float(x.dtype(), "variance", [&]<class T>() {
    using A = acc_t<T>;
    cuda::map(where, "squared_distance", plan, SquaredDistance{}, y.write<A>(), x.read<T>(), mean.read<A>());
  });
}

void variance_backward(Cuda where, const Tensor& dy, const Tensor& x, const Tensor& mean, double factor, Tensor dx) {
  const Broadcast<3> plan(x.shape(), {dy.shape(), x.shape(), mean.shape()});
  with_float(x.dtype(), "variance", [&]<class T>() {
    using A = acc_t<T>;
    cuda::map(where, "variance_backward", plan, VarianceSlope<A>{A(factor)}, dx.write<T>(), dy.read<T>(), x.read<T>(),
              mean.read<A>());
  });
}

void all_finite(Cuda where, const Tensor& x, bool& finite) {
  if (x.numel() == 0) return;
  with_float(x.dtype(), "all_finite", [&]<class T>() {
    using A = acc_t<T>;
    const Scratch<A> sum(where, 1);
    cuda::fold(where, "all_finite", NaughtOrNaN<A>{}, x.read<T>(), 1, x.numel(), 1, static_cast<A*>(sum));
    A zero;
    cuda::download(where, sum, &zero, sizeof zero);
    finite = zero == A(0);
  });
}

void sums_of_squares(Cuda where, const std::vector<Tensor>& x, double* sums) {
  std::vector<Squares> items;
  for (const Tensor& t : x) {
    check<DTypeError>(is_float(t.dtype()), "sum_of_squares: takes f32, f64 or bf16, got ", t.dtype());
    items.push_back({t.raw(), t.dtype(), t.numel(), 0});
  }
  const cuda::ItemTable<Squares> table(where, std::move(items));
  const Scratch<double> part(where, table.pieces), sum(where, table.count);
  cuda::launch(where, "squares_of_pieces", cuda::blocks(table.pieces, 1), cuda::kThreads, 0, squares_of_pieces, table,
               table.count, table.pieces, part);
  cuda::launch(where, "squares_of_items", cuda::blocks(table.count, 1), cuda::kThreads, 0, squares_of_items, table,
               table.count, static_cast<const double*>(part), sum);
  cuda::download(where, sum, sums, table.count * int64_t(sizeof(double)));
}

}  // namespace camo::kernel
