// Choosing and ordering rows: ties, stability, every dtype, known answers; and the masks of dropout.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "tensor/random.h"

using namespace camo;

namespace {
using Ints = std::vector<int64_t>;
Tensor ints(const Ints& v) { return from(v, {int64_t(v.size())}); }
}  // namespace

TEST_CASE("gather_rows copies any type") {
  for (DType t : {DType::f32, DType::f64, DType::bf16, DType::i64, DType::u8}) {
    Tensor x = cast(from<int64_t>({1, 2, 3, 4, 5, 6}, {3, 2}), t);
    CHECK(to_vector<int64_t>(gather_rows(x, ints({2, 0, 2}))) == Ints{5, 6, 1, 2, 5, 6});
  }
}

TEST_CASE("the adjoint of gather_rows adds in ascending order and leaves unread rows zero") {
  // In f32, (1e8 + 1) - 1e8 is 0 but (1e8 - 1e8) + 1 is 1, so the order of the sum shows in the result.
  Tensor dy = from<float>({1e8f, 1, -1e8f, 1e8f, -1e8f, 1}, {6, 1});
  Tensor dx = gather_rows_backward(dy, ints({2, 2, 2, 0, 0, 0}), 3);
  CHECK(to_vector<float>(dx) == std::vector<float>{1, 0, 0});
}

TEST_CASE("combine_rows is the weighted sum, and the gradient of the weights is the inner product") {
  Var rows = Var::leaf(from<float>({1, 2, 3, 4, 5, 6, 7, 8}, {4, 2}));
  Var weight = Var::leaf(from<float>({0.5f, 2}, {1, 2}));
  Var y = combine_rows(rows, from<int64_t>({3, 1}, {1, 2}), weight);
  CHECK(to_vector<float>(y.value()) == std::vector<float>{9.5f, 12});
  backward(y, from<float>({1, 10}, {1, 2}));
  CHECK(to_vector<float>(rows.grad()) == std::vector<float>{0, 0, 2, 20, 0, 0, 0.5f, 5});
  CHECK(to_vector<float>(weight.grad()) == std::vector<float>{87, 43});
}

TEST_CASE("rows that are longer than a piece of work are combined whole, and so are their gradients") {
  constexpr int64_t C = 40'001, K = 2;
  Var rows = Var::leaf(randn({3, C}, 1, DType::f64)), weight = Var::leaf(from<double>({0.5, -2}, {1, K}));
  const Tensor dy = randn({1, C}, 2, DType::f64);
  const Ints position = {2, 0};
  Var y = combine_rows(rows, from(position, {1, K}), weight);
  backward(y, dy);
  const double *x = rows.value().read<double>(), *w = weight.value().read<double>(), *g = dy.read<double>();
  std::vector<double> want_y(C), want_rows(3 * C), want_weight(K);
  for (int64_t k = 0; k < K; ++k)
    for (int64_t c = 0; c < C; ++c) {
      const int64_t at = position[size_t(k)] * C + c;
      want_y[size_t(c)] += w[k] * x[at], want_rows[size_t(at)] = w[k] * g[c], want_weight[size_t(k)] += x[at] * g[c];
    }
  CHECK(test::largest_difference(y.value(), want_y) < 1e-13);
  CHECK(equal_bits(gather_rows(rows.value(), ints(position)).slice(1, 2), rows.value().slice(0, 1)));
  const Tensor twice = gather_rows_backward(concat({dy, dy}, 0), ints({1, 1}), 3);
  CHECK(equal_bits(twice.slice(1, 2), add(dy, dy)));
  CHECK(test::largest_difference(rows.grad(), want_rows) < 1e-13);
  CHECK(test::largest_difference(weight.grad(), want_weight) < 1e-9);
}

TEST_CASE("top_k: largest first, ties to the lower index, NaN before everything") {
  TopK t = top_k(from<float>({1, 3, 3, 2, 3, 0, 0, 0, 0, 0}, {2, 5}), 3);
  CHECK(to_vector<int64_t>(t.index) == Ints{1, 2, 4, 0, 1, 2});
  CHECK(to_vector<float>(t.value) == std::vector<float>{3, 3, 3, 0, 0, 0});
  CHECK(to_vector<int64_t>(top_k(from<float>({1, INFINITY, NAN, 2}, {1, 4}), 3).index) == Ints{2, 1, 3});
  CHECK(top_k(zeros({2, 3}), 0).index.shape() == Shape{2, 0});
  Tensor x = randn({7, 301}, 1);
  TopK all = top_k(x, 301);
  CHECK(equal_bits(take_along(x, all.index), all.value));
  std::vector<float> v = to_vector<float>(all.value);
  for (size_t i = 1; i < v.size(); ++i) CHECK((i % 301 == 0 || v[i - 1] >= v[i]));
}

TEST_CASE("sort_by_key is stable") {
  CHECK(to_vector<int64_t>(sort_by_key(ints({2, 0, 1, 0, 2, -5}))) == Ints{5, 1, 3, 2, 0, 4});
  CHECK(sort_by_key(ints({})).numel() == 0);
}

TEST_CASE("histogram and one_hot") {
  CHECK(to_vector<int64_t>(histogram(from<int64_t>({3, 1, 3, 0}, {2, 2}), 5)) == Ints{1, 1, 0, 2, 0});
  CHECK(to_vector<int64_t>(histogram(ints({}), 2)) == Ints{0, 0});
  for (DType t : {DType::f32, DType::f64, DType::bf16, DType::i64, DType::u8})
    CHECK(to_vector<int64_t>(one_hot(ints({2, 0}), 3, t)) == Ints{0, 0, 1, 1, 0, 0});
}

TEST_CASE("take_along adds the gradients of an element that is taken twice") {
  Tensor dx = take_along_backward(from<float>({1, 10}, {1, 2}), from<int64_t>({1, 1}, {1, 2}), 3);
  CHECK(to_vector<float>(dx) == std::vector<float>{0, 11, 0});
}

TEST_CASE("Philox for many blocks at a time equals one block at a time, also across 2^32") {
  const RandomKey key{.seed = 77, .domain = Domain::test, .path = 123, .step = 4, .call = 5};
  for (uint64_t first : {uint64_t(0), uint64_t(3), (uint64_t(1) << 32) - 5}) {
    std::vector<uint32_t> words(4 * 29);
    philox(key, first, 29, words.data());
    bool same = true;
    for (int i = 0; i < 29 * 4; ++i) same = same && words[i] == philox(key, first + uint64_t(i / 4))[i % 4];
    CHECK(same);
  }
}

TEST_CASE("dropout keeps an element if its random word says so, in every dtype") {
  const RandomKey key{.seed = 1, .domain = Domain::dropout, .path = 9};
  Tensor x = full({70, 1001}, 3, DType::f64);
  std::vector<double> y = to_vector<double>(dropout(x, 0.25, key));
  int64_t kept = 0;
  bool same = true;
  for (size_t i = 0; i < y.size(); ++i) {
    bool keep = uniform(philox(key, i / 4)[i % 4]) >= 0.25f;
    same = same && y[i] == (keep ? 4 : 0);
    kept += keep;
  }
  CHECK(same);
  CHECK(kept / double(y.size()) == doctest::Approx(0.75).epsilon(0.01));
  for (DType t : {DType::f32, DType::bf16}) CHECK(to_vector<double>(dropout(cast(x, t), 0.25, key)) == y);
  CHECK(equal_bits(dropout(x, 0, key), x));
}

TEST_CASE("dropout and drop_path draw the same masks on every device") {
  if (cuda_device_count() == 0) return;
  const RandomKey key{.seed = 2, .domain = Domain::dropout, .path = 9, .step = 4};
  for (DType t : {DType::f32, DType::f64, DType::bf16})
    for (const Shape& shape : {Shape{3, 1001}, Shape{9, 64}, Shape{5, 1}}) {
      const Tensor x = cast(randn(shape, 5) + full(shape, 9, DType::f32), t), gpu = x.to({Device::cuda, 0});
      CHECK(equal_bits(dropout(gpu, 0.3, key).to({}), dropout(x, 0.3, key)));
      CHECK(equal_bits(drop_path(gpu, 0.3, key).to({}), drop_path(x, 0.3, key)));
    }
}

TEST_CASE("drop_path decides for whole samples") {
  const RandomKey key{.seed = 1, .domain = Domain::drop_path, .path = 9};
  std::vector<float> y = to_vector<float>(drop_path(ones({1000, 7}), 0.2, key));
  int64_t kept = 0;
  for (int64_t b = 0; b < 1000; ++b) {
    const bool keep = uniform(philox(key, uint64_t(b / 4))[b % 4]) >= 0.2f;
    for (int64_t c = 0; c < 7; ++c) CHECK(y[b * 7 + c] == (keep ? 1.25f : 0));
    kept += keep;
  }
  CHECK(std::abs(kept - 800) < 50);
}
