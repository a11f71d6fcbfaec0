// Matrix products at the shapes of PVTv2-B2 at 352 x 352, batch 4.
#include "tensor/cpu/kernels/gemm.h"

#include "examples/camo/bench/bench.h"
#include "tensor/ops/layout.h"
#include "tensor/random.h"

namespace camo::program {
namespace {

struct Sizes {
  int64_t M, N, K;
};

std::string label(const char* kind, Sizes s) { return text(kind, " M", s.M, " N", s.N, " K", s.K); }

template <class T> Tensor noise(int64_t count) { return cast(randn({count}, 1), dtype_of<T>); }

/// x W (Trans::no) or x W^T.
template <class T> BenchRow forward(const char* kind, Sizes s, Trans trans) {
  Tensor a = noise<T>(s.M * s.K), b = noise<float>(s.K * s.N), c = noise<T>(s.M * s.N);
  return {label(kind, s), 2.0 * double(s.M) * double(s.N) * double(s.K), [=]() mutable {
            kernel::multiply<T, float, T>(kernel::dense(a.read<T>(), s.M, s.K, s.K),
                                          {b.read<float>(), trans == Trans::yes ? s.K : s.N, trans}, s.N,
                                          {c.write<T>(), s.N});
          }};
}

/// dW = x^T dy: M and N are the sizes of the weight, K is the number of pixels.
template <class T> BenchRow weight_gradient(const char* kind, Sizes s) {
  Tensor a = noise<T>(s.M * s.K), b = noise<T>(s.K * s.N), c = noise<float>(s.M * s.N);
  return {label(kind, s), 2.0 * double(s.M) * double(s.N) * double(s.K), [=]() mutable {
            kernel::multiply_transposed<T, T>(kernel::dense(a.read<T>(), s.K, s.M, s.M),
                                              kernel::dense(b.read<T>(), s.K, s.N, s.N), c.write<float>(), s.N);
          }};
}

}  // namespace

void bench_gemm(const std::vector<int>& threads) {
  const std::vector<Sizes> nn{
      {30976, 64, 64},  {30976, 512, 64},  {30976, 64, 512},  {7744, 128, 128},  {7744, 1024, 128},  {7744, 128, 1024},
      {1936, 320, 320}, {1936, 1280, 320}, {1936, 320, 1280}, {1936, 512, 512},  {1936, 1280, 1280}, {7744, 320, 320},
      {484, 2048, 512}, {484, 512, 2048},  {30976, 64, 576},  {7744, 128, 1152}, {1936, 320, 2880},  {7744, 64, 576}};
  const std::vector<Sizes> nt{{30976, 64, 512},  {30976, 512, 64},  {7744, 128, 1024}, {7744, 1024, 128},
                              {1936, 320, 1280}, {1936, 1280, 320}, {484, 2048, 512},  {484, 512, 2048}};
  const std::vector<Sizes> tn{{64, 512, 30976},  {512, 64, 30976}, {128, 1024, 7744}, {320, 1280, 1936},
                              {1280, 320, 1936}, {576, 64, 30976}, {64, 64, 30976},   {512, 2048, 484}};
  std::vector<BenchRow> rows;
  for (Sizes s : nn) rows.push_back(forward<float>("nn", s, Trans::no));
  bench_table("gemm x W, f32", rows, threads);
  rows.clear();
  for (Sizes s : nt) rows.push_back(forward<float>("nt", s, Trans::yes));
  bench_table("gemm x W^T, f32", rows, threads);
  rows.clear();
  for (Sizes s : tn) rows.push_back(weight_gradient<float>("tn", s));
  bench_table("gemm x^T dy, f32", rows, threads);
  const Bf16Units before = bf16_units();
  for (Bf16Units units : {Bf16Units::off, Bf16Units::pairs, Bf16Units::tiles}) {
    if (!use_bf16_units(units)) continue;
    const std::string how = units == Bf16Units::off ? ", bf16 widened to f32" : text(", bf16 by ", name_of(units));
    rows.clear();
    for (Sizes s : nt) rows.push_back(forward<bf16>("nt", s, Trans::yes));
    bench_table("gemm x W^T" + how, rows, threads, units);
    rows.clear();
    for (Sizes s : tn) rows.push_back(weight_gradient<bf16>("tn", s));
    bench_table("gemm x^T dy" + how, rows, threads, units);
  }
  use_bf16_units(before);
}

}  // namespace camo::program
