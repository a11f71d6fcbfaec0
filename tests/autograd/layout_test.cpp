// Layout ops compared with plain index arithmetic, for every dtype.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops.h"
#include "tensor/random.h"

using namespace camo;

namespace {

constexpr DType kTypes[] = {DType::f32, DType::f64, DType::bf16, DType::i64, DType::u8};

/// Small integers, which are exact in every dtype.
Tensor counting(const Shape& shape, DType dtype) {
  std::vector<int64_t> v(shape.numel());
  for (size_t i = 0; i < v.size(); ++i) v[i] = int64_t(i * 37 % 127);
  return cast(from(v, shape), dtype);
}

std::vector<int64_t> coordinates(int64_t at, const Shape& shape) {
  std::vector<int64_t> out(shape.rank());
  for (int a = shape.rank() - 1; a >= 0; --a) out[a] = at % shape[a], at /= shape[a];
  return out;
}
int64_t offset(const std::vector<int64_t>& index, const Shape& shape) {
  int64_t out = 0;
  for (int a = 0; a < shape.rank(); ++a) out = out * shape[a] + index[a];
  return out;
}

}  // namespace

TEST_CASE("permute puts every element at its permuted coordinates, for every dtype and code path") {
  struct Example {
    Shape shape;
    std::vector<int> order;
  };
  const std::vector<Example> examples = {{{5, 7}, {1, 0}},
                                         {{70, 133}, {1, 0}},
                                         {{2, 3, 65, 40}, {0, 2, 3, 1}},
                                         {{2, 65, 40, 3}, {0, 3, 1, 2}},
                                         {{3, 4, 5, 6}, {0, 2, 1, 3}},
                                         {{1, 6, 1, 5}, {3, 2, 1, 0}},
                                         {{2, 3, 4, 5, 2, 3}, {5, 0, 3, 1, 4, 2}},
                                         {{4, 1, 33, 1, 34}, {4, 3, 0, 1, 2}},
                                         {{}, {}}};
  for (const Example& e : examples)
    for (DType t : kTypes) {
      CAPTURE(e.shape);
      Tensor x = counting(e.shape, t), y = permute(x, e.order);
      std::vector<int64_t> in = to_vector<int64_t>(x), out = to_vector<int64_t>(y);
      bool same = y.dtype() == t;
      for (size_t i = 0; i < out.size(); ++i) {
        std::vector<int64_t> at = coordinates(int64_t(i), y.shape()), source(at.size());
        for (size_t a = 0; a < at.size(); ++a) source[e.order[a]] = at[a];
        same = same && out[i] == in[offset(source, e.shape)];
      }
      CHECK(same);
    }
}

TEST_CASE("concat then slice gives the parts back") {
  for (DType t : kTypes)
    for (int axis : {0, 1, 2, -1}) {
      Tensor a = counting({3, 4, 5}, t), b = counting(a.shape().with(axis, 9), t);
      Tensor none = counting(a.shape().with(axis, 0), t);
      Tensor y = concat({a, none, b}, axis);
      CHECK(y.dim(axis) == a.dim(axis) + 9);
      CHECK(equal_bits(slice(y, axis, 0, a.dim(axis)), a));
      CHECK(equal_bits(slice(y, axis, a.dim(axis), y.dim(axis)), b));
    }
}

TEST_CASE("pad surrounds with the value, and slice removes it again") {
  for (DType t : kTypes) {
    Tensor x = counting({2, 3, 4}, t), y = pad(x, {{1, 0}, {0, 2}, {3, 1}}, 9);
    CHECK(y.shape() == Shape{3, 5, 8});
    CHECK(equal_bits(slice(slice(slice(y, 0, 1, 3), 1, 0, 3), 2, 3, 7), x));
    double total = 0, inside = 0;
    for (double v : to_vector<double>(y)) total += v;
    for (double v : to_vector<double>(x)) inside += v;
    CHECK(total == inside + 9 * (y.numel() - x.numel()));
  }
}

TEST_CASE("flip reverses one axis") {
  Tensor x = from<int64_t>({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(equal_bits(flip(x, 1), from<int64_t>({3, 2, 1, 6, 5, 4}, {2, 3})));
  CHECK(equal_bits(flip(x, 0), from<int64_t>({4, 5, 6, 1, 2, 3}, {2, 3})));
  CHECK(flip(zeros({0, 3}), 0).shape() == Shape{0, 3});
}

TEST_CASE("expand repeats along axes of length one and new leading axes") {
  CHECK(equal_bits(expand(from<int64_t>({1, 2}, {2, 1}), {2, 2, 3}),
                   from<int64_t>({1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}, {2, 2, 3})));
  CHECK(equal_bits(expand(from<int64_t>({7}, {}), {3}), from<int64_t>({7, 7, 7}, {3})));
}

TEST_CASE("cast truncates toward zero, stops at the ends of the range and turns NaN into 0") {
  Tensor x = from<double>({-1.9, -0.5, 0.5, 254.9, 255.5, 300, 1e30, -1e30, std::nan("")}, {9});
  CHECK(to_vector<int64_t>(cast(x, DType::u8)) == std::vector<int64_t>{0, 0, 0, 254, 255, 255, 255, 0, 0});
  for (DType t : {DType::f64, DType::f32})
    CHECK(to_vector<int64_t>(cast(cast(x, t), DType::i64)) ==
          std::vector<int64_t>{-1, 0, 0, 254, 255, 300, INT64_MAX, INT64_MIN, 0});
}

TEST_CASE("cast to bf16 rounds each number like the scalar conversion, also in tails") {
  Tensor x = randn({1003}, 4);
  std::vector<float> v = to_vector<float>(x), w = to_vector<float>(cast(x, DType::bf16));
  bool same = true;
  for (size_t i = 0; i < v.size(); ++i) same = same && w[i] == float(bf16(v[i]));
  CHECK(same);
  CHECK(to_vector<float>(cast(cast(x, DType::bf16), DType::f32)) == w);
}

TEST_CASE("slices of one tensor add their gradients in place") {
  Var x = Var::leaf(randn({6, 4}, 1));
  backward(concat({slice_rows(x, 0, 2), slice_rows(x, 2, 6), slice_rows(x, 1, 3)}, 0), ones({8, 4}));
  std::vector<float> g = to_vector<float>(x.grad());
  for (int64_t r = 0; r < 6; ++r) CHECK(g[r * 4] == (r == 1 || r == 2 ? 2 : 1));
}

TEST_CASE("reshape is a view of the same storage") {
  Var x(zeros({2, 6}));
  CHECK(reshape(x, {3, -1}).value().storage() == x.value().storage());
  CHECK(slice_rows(x, 1, 2).value().storage() == x.value().storage());
}
