// The gradient of max and min goes to the first of equal elements, NaN among them, and the gradient of max pooling to every
// window that chose an element: both compared with plain loops.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tensor/ops/layout.h"
#include "tensor/ops/reduce.h"
#include "tensor/ops/resample.h"
#include "tensor/random.h"

using namespace camo;

namespace {

/// Few different numbers, so that many are equal; about every 50th is NaN.
Tensor with_ties(const Shape& shape, DType dtype) {
  Tensor x = randn(shape, 3);
  float* p = x.write<float>();
  for (int64_t i = 0; i < x.numel(); ++i)
    p[i] = p[i] > 2 ? std::numeric_limits<float>::quiet_NaN() : std::round(2 * p[i]) / 2;
  return cast(x, dtype);
}

std::vector<double> numbers(const Tensor& x) { return to_vector<double>(cast(x, DType::f64)); }

}  // namespace

TEST_CASE("the gradient of max and min goes to the first of equal numbers") {
  struct Reduction {
    Shape shape;
    std::vector<int> axes;
  };
  const Reduction reductions[] = {{{4, 5, 19}, {1}},      {{4, 5, 19}, {0, 2}},      {{3, 7, 33}, {0, 1}},
                                  {{5, 300}, {1}},        {{200001}, {0}},           {{2, 70000}, {1}},
                                  {{3000, 40}, {0}},      {{2, 3000, 64}, {1}},      {{6, 1, 17}, {1}},
                                  {{2, 3, 4, 5}, {1, 3}}, {{2, 3, 9, 1100}, {0, 2}}, {{2, 70000, 3}, {0, 1}},
                                  {{3, 2, 70000}, {0, 2}}};
  for (DType dtype : {DType::f32, DType::f64, DType::bf16})
    for (auto* reduce : {static_cast<Tensor (*)(const Tensor&, const std::vector<int>&, bool)>(max),
                         static_cast<Tensor (*)(const Tensor&, const std::vector<int>&, bool)>(min)})
      for (const Reduction& r : reductions) {
        const Tensor x = with_ties(r.shape, dtype), y = reduce(x, r.axes, true), dy = cast(randn(y.shape(), 4), dtype);
        const std::vector<double> xs = numbers(x), ys = numbers(y), gs = numbers(dy);
        std::vector<double> expected(xs.size(), 0);
        std::vector<bool> taken(ys.size(), false);
        for (size_t i = 0; i < xs.size(); ++i) {
          size_t place = 0, left = i, step = 1, at = 0;  // of y, from the last axis to the first
          for (int a = x.rank() - 1; a >= 0; --a) {
            at = left % size_t(x.dim(a)), left /= size_t(x.dim(a));
            if (y.dim(a) == x.dim(a)) place += at * step;
            step *= size_t(y.dim(a));
          }
          if (taken[place] || !(xs[i] == ys[place] || (std::isnan(xs[i]) && std::isnan(ys[place])))) continue;
          taken[place] = true, expected[i] = gs[place];
        }
        CAPTURE(r.shape.numel());
        CHECK(numbers(extreme_backward(dy, x, y)) == expected);
      }
}

TEST_CASE("max pooling gives the place of the first largest number, and its gradient to every window that chose it") {
  for (DType dtype : {DType::f32, DType::f64, DType::bf16})
    for (const PoolSpec spec : {PoolSpec{.kernel = 2, .stride = 2}, PoolSpec{.kernel = 3, .stride = 2, .padding = 1},
                                PoolSpec{.kernel = 3, .stride = 1, .padding = 1}})
      for (int64_t C : {1, 16, 21, 64}) {
        const Tensor x = with_ties({2, 9, 11, C}, dtype);
        const MaxPoolOut out = max_pool(x, spec);
        const int64_t OH = out.y.dim(1), OW = out.y.dim(2);
        const Tensor dy = full(out.y.shape(), 1, dtype);
        const std::vector<double> xs = numbers(x), ys = numbers(out.y);
        const std::vector<int64_t> places = to_vector<int64_t>(out.index);
        std::vector<double> expected(xs.size(), 0);
        for (int64_t i = 0; i < out.y.numel(); ++i) {
          const int64_t c = i % C, ow = i / C % OW, oh = i / C / OW % OH, b = i / C / OW / OH;
          double best = -std::numeric_limits<double>::infinity();
          int64_t first = -1;
          for (int64_t h = oh * spec.stride - spec.padding; h < oh * spec.stride - spec.padding + spec.kernel; ++h)
            for (int64_t w = ow * spec.stride - spec.padding; w < ow * spec.stride - spec.padding + spec.kernel; ++w) {
              if (h < 0 || w < 0 || h >= 9 || w >= 11) continue;
              const double v = xs[size_t(((b * 9 + h) * 11 + w) * C + c)];
              if (first < 0 || v > best || (std::isnan(v) && !std::isnan(best))) best = v, first = h * 11 + w;
            }
          CHECK(places[size_t(i)] == first);
          CHECK((ys[size_t(i)] == best || (std::isnan(best) && std::isnan(ys[size_t(i)]))));
          expected[size_t((b * 99 + first) * C + c)] += 1;
        }
        CHECK(numbers(max_pool_backward(dy, out.index, x.shape(), spec)) == expected);
      }
}
