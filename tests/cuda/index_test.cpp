// Properties of the GPU's index kernels alone: bad indices, rows used twice, NaN, ties across many runs of the sort.
#include "tensor/ops/index.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/ops/layout.h"
#include "tensor/ops/reduce.h"
#include "tensor/random.h"

using namespace camo;

namespace {
const Device kGpu{Device::cuda, 0};
Tensor indices(std::vector<int64_t> values, const Shape& shape) { return from(values, shape).to(kGpu); }
using Numbers = std::vector<double>;
}  // namespace

TEST_CASE("an index outside its range gives NaN and no gradient") {
  const Tensor x = from<float>({1, 2, 3, 4, 5, 6}, {3, 2}).to(kGpu), dy = ones({4, 2}, DType::f32, kGpu);
  const Tensor index = indices({2, -1, 3, 0}, {4});
  const Numbers y = to_vector<double>(gather_rows(x, index));
  CHECK(Numbers(y.begin(), y.begin() + 2) == Numbers{5, 6});
  for (int i = 2; i < 6; ++i) CHECK(std::isnan(y[i]));
  CHECK(Numbers(y.begin() + 6, y.end()) == Numbers{1, 2});
  CHECK(to_vector<double>(gather_rows_backward(dy, index, 3)) == Numbers{1, 1, 0, 0, 1, 1});

  const Numbers taken = to_vector<double>(take_along(x, indices({1, 2, -7}, {3, 1})));
  CHECK(taken[0] == 2);
  CHECK(std::isnan(taken[1]));
  CHECK(std::isnan(taken[2]));
  CHECK(to_vector<double>(histogram(index, 3)) == Numbers{1, 0, 1});
  CHECK(to_vector<double>(one_hot(index, 2)) == Numbers{0, 0, 0, 0, 0, 0, 1, 0});
}

TEST_CASE("combine_rows: a bad position gives NaN, and a row used twice gets both gradients") {
  const Tensor rows = from<float>({1, 2, 3, 4, 5, 6}, {3, 2}).to(kGpu), dy = from<float>({1, 10}, {1, 2}).to(kGpu);
  const Tensor weight = from<float>({2, 3}, {1, 2}).to(kGpu);
  CHECK(std::isnan(to_vector<double>(combine_rows(rows, indices({0, 3}, {1, 2}), weight))[0]));
  const CombineGrads twice = combine_rows_backward(dy, rows, indices({1, 1}, {1, 2}), weight);
  CHECK(to_vector<double>(twice.drows) == Numbers{0, 0, 5, 50, 0, 0});
  CHECK(to_vector<double>(twice.dweight) == Numbers{43, 43});
  const CombineGrads bad = combine_rows_backward(dy, rows, indices({2, 3}, {1, 2}), weight);
  CHECK(to_vector<double>(bad.dweight)[0] == 65);
  CHECK(std::isnan(to_vector<double>(bad.dweight)[1]));
}

TEST_CASE("sorting is stable over many runs and any keys") {
  for (int64_t n : {256, 513, 1500}) {
    std::vector<int64_t> key(n);
    for (int64_t i = 0; i < n; ++i) key[i] = i % 7 == 0 ? INT64_MIN : i % 7 == 1 ? INT64_MAX : (i * 37) % 5 - 2;
    const Tensor keys = from(key, {n});
    CHECK(equal_bits(sort_by_key(keys.to(kGpu)), sort_by_key(keys)));
  }
}

TEST_CASE("NaN is the largest, the lower index wins") {
  const float nan = NAN;
  const Tensor x =
      from<float>({1, 3, 3, nan, 2, nan, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY}, {2, 6});
  for (int64_t k : {1, 3, 6}) CHECK(equal_bits(top_k(x.to(kGpu), k).index, top_k(x, k).index));
  CHECK(equal_bits(argmax(x.to(kGpu), 1), argmax(x, 1)));
  CHECK(equal_bits(argmax(x.to(kGpu), 0), argmax(x, 0)));
  CHECK(std::isnan(to_vector<double>(max(x.to(kGpu), {1}))[0]));
  CHECK_FALSE(all_finite(x.to(kGpu)));
}
