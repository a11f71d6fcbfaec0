// Matrix products and column sums on the GPU.  The library multiplies (cuda/blas.h); this file does the rest.
//
//   bf16 with f32    The f32 operand is first rounded to bf16: tensor cores take one type, and sum in f32.
//   bias and act     In the last step of the product if the library can, else one pass over y, 2 M N numbers.  gelu
//                    always takes the pass, because the library's gelu is the tanh approximation.
//   a^T b of f32     Sums over many rows are cut into runs that are added in order, which keeps the precision of f32
//                    and lets a small product fill the GPU.
//   column sums      Rows are cut into chunks by the shape alone, one per block; the same kernel then adds the chunks.
//                    x is read once.
#include "cuda/blas.h"
#include "cuda/kernels/column_sums.cuh"
#include "cuda/tools/map.cuh"
#include "tensor/ops/layout.h"
#include "tensor/ops/matmul.h"
#include "tensor/scalar/functors.h"

namespace camo::kernel {
namespace {

struct Finish {
  Act act;
  template <class A> CAMO_HD A operator()(A y) const {
    return act == Act::relu ? Relu::f(y) : act == Act::gelu ? Gelu::f(y) : y;
  }
  template <class A> CAMO_HD A operator()(A y, A bias) const { return (*this)(y + bias); }
};

/// y = act(y + bias).
void finish(Cuda where, Tensor y, const Tensor& bias, Act act) {
  with_float(y.dtype(), "linear", [&]<class T>() {
    const T* product = y.read<T>();
    if (bias.defined())
      cuda::map(where, "linear", Broadcast<2>(y.shape(), {y.shape(), bias.shape()}), Finish{act}, y.write<T>(), product,
                bias.read<acc_t<T>>());
    else cuda::map(where, "linear", y.numel(), Finish{act}, y.write<T>(), product);
  });
}

Tensor to_type(const Tensor& x, DType type) { return x.dtype() == type ? x : cast(x, type); }

constexpr int64_t kLongest = 4096;  // rows in one chain of f32 additions

/// y = a^T b, with the sum cut into runs of rows.
void product_of_runs(Cuda where, cuda::Gemm g, const Tensor& a, const Tensor& b, Tensor y) {
  const int64_t least = (g.K + kLongest - 1) / kLongest, length = (g.K + least - 1) / least;
  const int64_t whole = g.K / length, rest = g.K % length;
  Tensor parts = empty({whole + (rest > 0), y.numel()}, y.dtype(), y.device());
  const auto run = [&](int64_t first, int64_t count, int64_t K) {
    g.batch = count, g.K = K, g.step_a = K * g.M, g.step_b = K * g.N, g.step_y = y.numel();
    g.a = a.read<float>() + first * length * g.M, g.b = b.read<float>() + first * length * g.N;
    g.y = parts.write<float>() + first * y.numel();
    cuda::gemm(where, g);
  };
  run(0, whole, length);
  if (rest) run(whole, 1, rest);
  column_sums(where, parts, y.reshape({y.numel()}));
}

/// y = op(a) op(b) + bias with the sizes and transposes of g; false if the caller must add the bias.
bool product(Cuda where, cuda::Gemm g, const Tensor& a, const Tensor& b, Tensor y, const Tensor& bias = {}) {
  if (y.numel() == 0) return true;
  const Tensor right = to_type(b, a.dtype()), last = bias.defined() ? to_type(bias, y.dtype()) : Tensor();
  g.in = a.dtype(), g.out = y.dtype();
  if (g.ta == Trans::yes && g.in == DType::f32 && g.batch == 1 && g.K > kLongest)
    return product_of_runs(where, g, a, b, y), true;
  g.a = a.raw(), g.b = right.raw(), g.y = y.raw_write(), g.bias = last.defined() ? last.raw() : nullptr;
  return cuda::gemm(where, g);
}

/// The distance between the operands of two products; 0 for an operand that every product uses.
int64_t step(const Tensor& t) { return t.rank() == 2 ? 0 : t.dim(-1) * t.dim(-2); }

int64_t rows(const Tensor& x) { return x.shape().product(0, x.rank() - 1); }

}  // namespace

void matmul(Cuda where, const Tensor& a, const Tensor& b, Trans ta, Trans tb, Tensor y) {
  const int64_t M = y.dim(-2), N = y.dim(-1);
  product(where,
          {.batch = y.shape().product(0, y.rank() - 2),
           .M = M,
           .N = N,
           .K = a.dim(ta == Trans::no ? -1 : -2),
           .ta = ta,
           .tb = tb,
           .step_a = step(a),
           .step_b = step(b),
           .step_y = M * N},
          a, b, y);
}

void linear(Cuda where, const Tensor& x, const Tensor& weight, const Tensor& bias, Act act, Tensor y) {
  const bool fused = act != Act::gelu;
  const bool done = product(
      where, {.M = rows(y), .N = weight.dim(0), .K = weight.dim(1), .tb = Trans::yes, .act = fused ? act : Act::none},
      x, weight, y, fused ? bias : Tensor());
  if (!fused || !done) finish(where, y, bias, act);
}

void linear_input_grad(Cuda where, const Tensor& dy, const Tensor& weight, Tensor dx) {
  product(where, {.M = rows(dy), .N = weight.dim(1), .K = weight.dim(0)}, dy, weight, dx);
}

void linear_weight_grad(Cuda where, const Tensor& dy, const Tensor& x, Tensor dweight) {
  product(where, {.M = dweight.dim(0), .N = dweight.dim(1), .K = rows(dy), .ta = Trans::yes}, dy, x, dweight);
}

// ---- column sums -------------------------------------------------------------------------------------------

namespace {

constexpr int64_t kChunk = 128, kMostBlocks = 1024;  // rows per block; more if there are many

/// Block: one run of channels, rows [chunk * its index, ...).  parts (chunks, C).
template <class T, int N>
__global__ void column_sums_chunk(const T* x, int64_t R, int64_t C, int64_t chunk, int lanes, acc_t<T>* parts) {
  using A = acc_t<T>;
  const int64_t tiles = (C + lanes * N - 1) / (lanes * N), part = blockIdx.x / tiles;
  const int t = int(threadIdx.x), rows = cuda::kThreads / lanes;
  const int64_t c = (blockIdx.x % tiles * lanes + t % lanes) * N;
  const int64_t end = R < (part + 1) * chunk ? R : (part + 1) * chunk;
  cuda::Pack<A, N> sums{};
  if (c < C)
    for (int64_t r = part * chunk + t / lanes; r < end; r += rows) {
      const auto row = *reinterpret_cast<const cuda::Pack<T, N>*>(x + r * C + c);
      for (int j = 0; j < N; ++j) sums.at[j] += cuda::widen(row.at[j]);
    }
  sums = cuda::fold_columns(sums, lanes);
  if (t < lanes && c < C) *reinterpret_cast<cuda::Pack<A, N>*>(parts + part * C + c) = sums;
}

template <class T, int N> void column_sums_packs(Cuda where, const T* x, int64_t R, int64_t C, acc_t<T>* sums) {
  using A = acc_t<T>;
  const int lanes = cuda::column_lanes(C / N, R);
  const int64_t tiles = (C + lanes * N - 1) / (lanes * N);
  const int64_t most = std::max<int64_t>(kMostBlocks / std::max<int64_t>(tiles, 1), 1);
  const int64_t chunk = std::max(kChunk, (R + most - 1) / most), chunks = std::max<int64_t>((R + chunk - 1) / chunk, 1);
  const auto fold = [&]<class S>(const S* from, int64_t n, int64_t length, int64_t count, A* to) {
    cuda::launch(where, "column_sums", dim3(unsigned(tiles * count)), cuda::kThreads, 0, column_sums_chunk<S, N>, from,
                 n, C, length, lanes, to);
  };
  if (chunks == 1) return fold(x, R, chunk, 1, sums);
  Tensor parts = empty({chunks, C}, dtype_of<A>, {Device::cuda, int8_t(where.index)});
  fold(x, R, chunk, chunks, parts.write<A>());
  fold(parts.read<A>(), chunks, chunks, 1, sums);
}

}  // namespace

void column_sums(Cuda where, const Tensor& x, Tensor sums) {
  with_float(x.dtype(), "column_sums", [&]<class T>() {
    using A = acc_t<T>;
    const T* in = x.read<T>();
    A* out = sums.write<A>();
    const bool whole = x.dim(-1) % 4 == 0 && reinterpret_cast<uintptr_t>(in) % alignof(cuda::Pack<T, 4>) == 0 &&
                       reinterpret_cast<uintptr_t>(out) % alignof(cuda::Pack<A, 4>) == 0;
    if (whole) column_sums_packs<T, 4>(where, in, rows(x), x.dim(-1), out);
    else column_sums_packs<T, 1>(where, in, rows(x), x.dim(-1), out);
  });
}

}  // namespace camo::kernel
