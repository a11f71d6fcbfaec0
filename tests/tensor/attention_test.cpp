// The attention kernels compared with plain loops over odd sizes, and what the bits of a query may depend on.
#include "tensor/ops/attention.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "autograd/gradient_check.h"
#include "tensor/cpu/kernels/attention_plain.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tests/tensor/bf16_units.h"

using namespace camo;
using test::relative_error;
using test::with_each_units;

namespace {

template <class T> void compare(int64_t B, int heads, int64_t N, int64_t M, int64_t D, double tolerance) {
  const DType t = dtype_of<T>, stat = acc_dtype(t);
  Shape queries{B, N, heads * D}, keys{B, M, heads * D};
  Tensor q = randn(queries, 1, t), k = randn(keys, 2, t), v = randn(keys, 3, t), dy = randn(queries, 4, t);
  AttentionOut out = attention(q, k, v, heads);
  AttentionGrads grads = attention_backward(dy, q, k, v, out, heads, 0);
  Tensor y = empty(queries, t), lse = empty({B, heads, N}, stat), dq = empty(queries, t), dk = empty(keys, t),
         dv = empty(keys, t);
  kernel::Attention s{B, heads, N, M, D, 1 / std::sqrt(double(D))};
  const T *pq = q.read<T>(), *pk = k.read<T>(), *pv = v.read<T>();
  kernel::attention_plain(pq, pk, pv, y.write<T>(), lse.write<acc_t<T>>(), s);
  kernel::attention_backward_plain(dy.read<T>(), pq, pk, pv, dq.write<T>(), dk.write<T>(), dv.write<T>(), s);
  INFO(t, " B ", B, " heads ", heads, " N ", N, " M ", M, " D ", D);
  CHECK(relative_error(out.y, y) <= tolerance);
  CHECK(relative_error(out.lse, lse) <= tolerance);
  CHECK(relative_error(grads.dv, dv) <= tolerance);
  if (M > 1) {  // with one key its probability is 1, whatever q and k are
    CHECK(relative_error(grads.dq, dq) <= 2 * tolerance);
    CHECK(relative_error(grads.dk, dk) <= 2 * tolerance);
  }
}

}  // namespace

TEST_CASE("attention equals its definition") {
  for (int64_t D : {1, 8, 10, 16, 20, 32, 36, 40, 64, 73, 130}) {
    compare<float>(1, 2, 37, 121, D, 2e-6);
    compare<double>(1, 2, 37, 121, D, 1e-14);
    with_each_units([&](Bf16Units) { compare<bf16>(1, 2, 37, 121, D, 8e-3); });
  }
  for (int64_t M : {1, 2, 63, 64, 65, 191, 192, 193, 400})
    for (int64_t N : {1, 25, 49}) {
      compare<float>(2, 1, N, M, 20, 2e-6);
      compare<double>(1, 1, N, M, 20, 1e-14);
    }
  for (int64_t M : {1, 2, 31, 33, 64, 65, 127, 128, 129, 400})
    for (int64_t N : {1, 32, 65}) with_each_units([&](Bf16Units) { compare<bf16>(2, 1, N, M, 20, 8e-3); });
  compare<float>(1, 1, 2100, 50, 8, 2e-6);  // more than one range of queries
  with_each_units([](Bf16Units) { compare<bf16>(1, 1, 2100, 50, 8, 8e-3); });
}

TEST_CASE("attention at large scores does not overflow") {
  Tensor q = full({1, 3, 4}, 100.0), k = from<float>({1, 1, 1, 1, 1, 1, 1, 0.5f, -1, -1, -1, -1}, {1, 3, 4});
  Tensor v = from<float>({1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0}, {1, 3, 4});
  auto check_out = [](const AttentionOut& out) {
    for (int64_t i = 0; i < 3; ++i) {
      CHECK(cast(out.y, DType::f32).read<float>()[4 * i] == doctest::Approx(1));
      CHECK(out.lse.read<float>()[i] == doctest::Approx(400));
    }
  };
  check_out(attention(q, k, v, 1, 1.0));
  auto half = [](const Tensor& x) { return cast(x, DType::bf16); };
  with_each_units([&](Bf16Units) { check_out(attention(half(q), half(k), half(v), 1, 1.0)); });
}

TEST_CASE("a NaN in a key reaches every query, a NaN in a query only that one") {
  auto test = [](DType t) {
    Tensor q = randn({1, 5, 8}, 1), k = randn({1, 200, 8}, 2), v = cast(randn({1, 200, 8}, 3), t);
    q.write<float>()[2 * 8] = NAN;
    Tensor y = cast(attention(cast(q, t), cast(k, t), v, 1).y, DType::f32);
    for (int64_t i = 0; i < 5; ++i) CHECK(std::isnan(y.read<float>()[i * 8 + 3]) == (i == 2));
    k.write<float>()[100 * 8] = NAN;
    y = cast(attention(cast(q, t), cast(k, t), v, 1).y, DType::f32);
    for (int64_t i = 0; i < 40; ++i) CHECK(std::isnan(y.read<float>()[i]));
  };
  test(DType::f32);
  with_each_units([&](Bf16Units) { test(DType::bf16); });
}

namespace {

template <class T> void compare_queries() {
  const DType t = dtype_of<T>;
  const int64_t N = 61, D = 20, heads = 3, C = heads * D;
  Tensor q = randn({3, N, C}, 1, t), k = randn({3, 250, C}, 2, t), v = randn({3, 250, C}, 3, t);
  Tensor all = attention(q, k, v, heads).y;
  for (int64_t n : {1, 7, 30}) {
    Tensor some = empty({1, n, C}, t);
    std::copy_n(q.read<T>() + N * C, n * C, some.write<T>());  // the first n queries of image 1
    Tensor y = attention(some, k.slice(1, 2), v.slice(1, 2), heads).y;
    CHECK(std::memcmp(y.read<T>(), all.read<T>() + N * C, size_t(n * C) * sizeof(T)) == 0);
  }
}

}  // namespace

TEST_CASE("a query's bits depend neither on the other queries nor on the other images") {
  compare_queries<float>();
  with_each_units([](Bf16Units) { compare_queries<bf16>(); });
}

TEST_CASE("attention's bits do not depend on the number of threads, with any bf16 instructions") {
  auto run = [](int threads) {
    set_threads(threads);
    auto make = [](int64_t rows, uint64_t seed) { return randn({2, rows, 72}, seed, DType::bf16); };
    Tensor q = make(1100, 1), k = make(130, 2), v = make(130, 3);
    AttentionOut out = attention(q, k, v, 2);
    AttentionGrads grads = attention_backward(make(1100, 4), q, k, v, out, 2, 0);
    set_threads(0);
    return std::vector<Tensor>{out.y, out.lse, grads.dq, grads.dk, grads.dv};
  };
  with_each_units([&](Bf16Units) {
    const auto one = run(1);
    for (int threads : {2, 3}) {
      const auto many = run(threads);
      for (size_t i = 0; i < one.size(); ++i) CHECK(equal_bits(one[i], many[i]));
    }
  });
}
