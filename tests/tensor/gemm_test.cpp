// The matrix product kernels compared with Eigen in double, over sizes that cross tiles, panels, steps and blocks.
#include "tensor/cpu/kernels/gemm.h"

#include <doctest/doctest.h>

#define EIGEN_DONT_VECTORIZE  // g++ 12 warns about Eigen's vector code; the reference need not be fast
#include <Eigen/Core>
#include <array>
#include <cmath>
#include <cstring>

#include "tensor/names.h"
#include "tensor/parallel.h"
#include "tests/tensor/bf16_units.h"

using namespace camo;
using kernel::dense;
using test::with_each_units;

namespace {

template <class T> std::vector<T> noise(int64_t count, uint32_t seed) {
  std::vector<T> x(static_cast<size_t>(count));
  for (T& v : x) seed = seed * 1664525u + 1013904223u, v = T(float(seed >> 8) * 0x1p-23f - 1.0f);
  return x;
}

template <class T> double number(T x) { return double(acc_t<T>(x)); }

/// Relative L2 error of c (M, ldc) against the product of a(m, k) and b(k, n) that Eigen computes in f64.
template <class TC, class FA, class FB>
double error(int64_t M, int64_t N, int64_t K, FA a, FB b, const TC* c, int64_t ldc) {
  const Eigen::MatrixXd left = Eigen::MatrixXd::NullaryExpr(M, K, a), right = Eigen::MatrixXd::NullaryExpr(K, N, b);
  const Eigen::MatrixXd got =
      Eigen::MatrixXd::NullaryExpr(M, N, [&](int64_t m, int64_t n) { return number(c[m * ldc + n]); });
  const Eigen::MatrixXd expected = left * right;
  return (got - expected).norm() / std::max(expected.norm(), 1e-150);
}

constexpr std::array<int64_t, 3> kSizes[] = {
    {1, 1, 1},      {5, 3, 7},      {7, 16, 33},    {13, 17, 1},    {31, 33, 31}, {6, 64, 64}, {25, 65, 130},
    {100, 80, 257}, {257, 96, 100}, {3, 130, 1100}, {50, 200, 600}, {0, 5, 3},    {4, 0, 3},   {9, 20, 0}};

template <class TA, class TB, class TC> void compare(Trans trans, double tolerance) {
  for (auto size : kSizes) {
    const int64_t M = size[0], N = size[1], K = size[2];
    const int64_t lda = K + 3, ldb = (trans == Trans::yes ? K : N) + 2, ldc = N + 1;
    auto a = noise<TA>(M * lda, 1);
    auto b = noise<TB>((trans == Trans::yes ? N : K) * ldb, 2);
    auto c = noise<TC>(M * ldc + 1, 3), before = c;
    kernel::multiply<TA, TB, TC>(dense(a.data(), M, K, lda), {b.data(), ldb, trans}, N, {c.data(), ldc});
    double e = error(
        M, N, K, [&](int64_t m, int64_t k) { return number(a[size_t(m * lda + k)]); },
        [&](int64_t k, int64_t n) { return number(b[size_t(trans == Trans::yes ? n * ldb + k : k * ldb + n)]); },
        c.data(), ldc);
    CAPTURE(M);
    CAPTURE(N);
    CAPTURE(K);
    CHECK(e <= tolerance);
    for (int64_t m = 0; m < M; ++m) CHECK(number(c[size_t(m * ldc + N)]) == number(before[size_t(m * ldc + N)]));
  }
}

template <class T> void compare_transposed(double tolerance) {
  using A = acc_t<T>;
  for (auto size : kSizes)
    for (int64_t rows : {size[0], 9 * size[0]}) {
      const int64_t M = size[2], N = size[1];
      auto a = noise<T>(rows * (M + 1), 1), b = noise<T>(rows * (N + 2), 2);
      auto c = noise<A>(M * (N + 1), 3), twice = c;
      kernel::multiply_transposed<T, T>(dense(a.data(), rows, M, M + 1), dense(b.data(), rows, N, N + 2), c.data(),
                                        N + 1);
      CAPTURE(M);
      CAPTURE(N);
      CAPTURE(rows);
      CHECK(error(
                M, N, rows, [&](int64_t m, int64_t k) { return number(a[size_t(k * (M + 1) + m)]); },
                [&](int64_t k, int64_t n) { return number(b[size_t(k * (N + 2) + n)]); }, c.data(),
                N + 1) <= tolerance);
      twice = c;
      kernel::multiply_transposed<T, T>(dense(a.data(), rows, M, M + 1), dense(b.data(), rows, N, N + 2), twice.data(),
                                        N + 1, true);
      for (int64_t m = 0; m < M; ++m)
        for (int64_t n = 0; n < N; ++n)
          CHECK(twice[size_t(m * (N + 1) + n)] == doctest::Approx(2 * c[size_t(m * (N + 1) + n)]).epsilon(1e-4));
    }
}

}  // namespace

TEST_CASE("bf16 units multiply rounded numbers and sum in f32") {
  with_each_units([](Bf16Units units) {
    if (units == Bf16Units::off) return;
    for (Trans trans : {Trans::no, Trans::yes}) {
      compare<bf16, float, bf16>(trans, 6e-3);
      compare<bf16, bf16, bf16>(trans, 4e-3);
    }
    compare_transposed<bf16>(2e-6);
  });
}

TEST_CASE("multiply equals Eigen's product") {
  for (Trans trans : {Trans::no, Trans::yes}) {
    compare<float, float, float>(trans, 1e-6);
    compare<double, double, double>(trans, 1e-14);
    compare<bf16, float, bf16>(trans, 4e-3);
    compare<bf16, bf16, bf16>(trans, 4e-3);
  }
}

TEST_CASE("multiply adds bias, activates, and accumulates") {
  const int64_t M = 29;
  for (auto [N, K] : {std::pair<int64_t, int64_t>{83, 700}, {19, 24}}) {  // the large kernel, the small one
    CAPTURE(N);
    auto a = noise<float>(M * K, 1), b = noise<float>(N * K, 2), bias = noise<float>(N, 3),
         start = noise<float>(M * N, 4);
    for (Act act : {Act::none, Act::relu, Act::gelu})
      for (bool accumulate : {false, true}) {
        auto fast = start, plain = start;
        kernel::Finish<float> finish{bias.data(), act, accumulate};
        kernel::Right<float> right{b.data(), K, Trans::yes};
        kernel::multiply<float, float, float>(dense(a.data(), M, K, K), right, N, {fast.data(), N}, finish);
        kernel::multiply_plain<float, float, float>(M, N, K, a.data(), K, right, plain.data(), N, finish);
        for (size_t i = 0; i < fast.size(); ++i) CHECK(std::abs(fast[i] - plain[i]) <= 1e-4);
      }
  }
}

TEST_CASE("a row of a product does not depend on how many rows there are") {
  const int64_t M = 613, K = 650;
  for (int64_t N : {1, 24, 64, 200}) {
    auto a = noise<float>(M * K, 1), b = noise<float>(N * K, 2);
    std::vector<float> all(static_cast<size_t>(M * N)), one(static_cast<size_t>(N));
    kernel::multiply<float, float, float>(dense(a.data(), M, K, K), {b.data(), N}, N, {all.data(), N});
    for (int64_t m : {0, 5, 300, 612}) {
      kernel::multiply<float, float, float>(dense(a.data() + m * K, 1, K, K), {b.data(), N}, N, {one.data(), N});
      CHECK(std::memcmp(one.data(), all.data() + m * N, size_t(N) * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("a row has the same bits among 1 to 64 rows, in the small and the large kernel, for every dtype") {
  auto same = [&]<class T>(T, int64_t K, int64_t N, Trans trans) {
    const int64_t most = 64, ldb = trans == Trans::yes ? K : N;
    auto a = noise<T>(most * K, 1), b = noise<T>(N * K, 2);
    std::vector<T> all(size_t(most * N)), some(size_t(most * N));
    kernel::multiply<T, T, T>(dense(a.data(), most, K, K), {b.data(), ldb, trans}, N, {all.data(), N});
    for (int64_t M = 1; M <= most; ++M) {
      kernel::multiply<T, T, T>(dense(a.data(), M, K, K), {b.data(), ldb, trans}, N, {some.data(), N});
      CAPTURE(M);
      CHECK(std::memcmp(some.data(), all.data(), size_t(M * N) * sizeof(T)) == 0);
    }
  };
  const std::pair<int64_t, int64_t> sizes[] = {{1, 1}, {8, 8}, {16, 16}, {64, 121}, {121, 64}, {300, 100}};  // (K, N)
  for (auto [K, N] : sizes)
    for (Trans trans : {Trans::no, Trans::yes}) {
      CAPTURE(K);
      CAPTURE(N);
      same(0.f, K, N, trans), same(0., K, N, trans);
      with_each_units([&](Bf16Units) { same(bf16(), K, N, trans); });
    }
}

TEST_CASE("few rows are transposed and multiplied in the order of many") {  // 129 rows take the other way
  const int64_t M = 40, N = 24, most = 128;
  auto a = noise<float>(129 * M, 1), b = noise<float>(129 * N, 2);
  std::fill(a.begin() + most * M, a.end(), 0.f);
  std::vector<float> turned(size_t(M * N)), direct(size_t(M * N));
  kernel::multiply_transposed<float, float>(dense(a.data(), most, M, M), dense(b.data(), most, N, N), turned.data(), N);
  kernel::multiply_transposed<float, float>(dense(a.data(), 129, M, M), dense(b.data(), 129, N, N), direct.data(), N);
  CHECK(turned == direct);
}

TEST_CASE("multiply reads rows in pieces and writes rows anywhere") {
  auto compare_pieces = [&]<class T>(T, int64_t pieces, int64_t length, double tolerance, double exact) {
    const int64_t M = 75, N = 40, K = pieces * length;
    auto pool = noise<T>(5000, 1), b = noise<T>(K * N, 2);
    auto begin = [](int64_t m, int64_t p) { return (m * 131 + p * 977) % 4900; };
    kernel::Pieces<T> a{M, pieces, length, [&](int64_t m, int64_t count, const T** table, int64_t ld) {
                          for (int64_t p = 0; p < pieces; ++p)
                            for (int64_t i = 0; i < count; ++i) table[p * ld + i] = pool.data() + begin(m + i, p);
                        }};
    std::vector<T> c(size_t(M * N));
    kernel::Rows<T> backwards{nullptr, 0, [&](int64_t m, int64_t count, T** rows) {
                                for (int64_t i = 0; i < count; ++i) rows[i] = c.data() + (M - 1 - m - i) * N;
                              }};
    kernel::multiply<T, T, T>(a, {b.data(), N}, N, backwards);
    auto left = [&](int64_t m, int64_t k) { return number(pool[size_t(begin(m, k / length) + k % length)]); };
    CAPTURE(length);
    CHECK(error(
              M, N, K, [&](int64_t m, int64_t k) { return left(M - 1 - m, k); },
              [&](int64_t k, int64_t n) { return number(b[size_t(k * N + n)]); }, c.data(), N) < tolerance);

    auto dy = noise<T>(M * N, 5);
    std::vector<float> dw(size_t(N * K));
    kernel::multiply_transposed<T, T>(dense(dy.data(), M, N, N), a, dw.data(), K);
    CHECK(error(
              N, K, M, [&](int64_t n, int64_t m) { return number(dy[size_t(m * N + n)]); },
              [&](int64_t m, int64_t k) { return left(m, k); }, dw.data(), K) < exact);
  };
  compare_pieces(0.f, 9, 70, 1e-6, 1e-6);
  with_each_units([&](Bf16Units) {
    for (int64_t length : {1, 21, 32, 64, 70}) compare_pieces(bf16(), 9, length, 6e-3, 2e-6);
  });
}

TEST_CASE("multiply_transposed equals Eigen's product") {
  compare_transposed<float>(1e-6);
  compare_transposed<double>(1e-14);
  compare_transposed<bf16>(1e-6);
}

TEST_CASE("products have the same bits for any number of threads") {
  auto compare_threads = [&]<class T>(T) {
    const int64_t M = 333, N = 100, K = 520, pixels = 5000;
    auto a = noise<T>(pixels * K, 1), b = noise<T>(pixels * N, 2);
    std::vector<std::vector<T>> forward;
    std::vector<std::vector<float>> gradient;
    for (int count : {1, 2, 3}) {
      set_threads(count);
      forward.emplace_back(size_t(M * N)), gradient.emplace_back(size_t(K * N));
      kernel::multiply<T, T, T>(dense(a.data(), M, K, K), {b.data(), N}, N, {forward.back().data(), N});
      kernel::multiply_transposed<T, T>(dense(a.data(), pixels, K, K), dense(b.data(), pixels, N, N),
                                        gradient.back().data(), N);
    }
    set_threads(0);
    for (size_t i : {1, 2}) {
      CHECK(std::memcmp(forward[0].data(), forward[i].data(), forward[0].size() * sizeof(T)) == 0);
      CHECK(gradient[0] == gradient[i]);
    }
  };
  compare_threads(0.f);
  with_each_units([&](Bf16Units) { compare_threads(bf16()); });
}
