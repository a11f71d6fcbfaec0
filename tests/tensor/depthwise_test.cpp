// The depthwise kernels compared with the defining loops in f64, over odd sizes, strides, dilations and paddings.
#include "tensor/cpu/kernels/depthwise.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tensor/parallel.h"
#include "tensor/random.h"

using namespace camo;

namespace {

template <class T> std::vector<T> numbers(int64_t n, uint64_t seed) {
  Tensor x = randn({n}, seed, dtype_of<T>);
  return {x.read<T>(), x.read<T>() + n};
}

template <class T> double exact(T x) { return double(acc_t<T>(x)); }

struct Sums {
  std::vector<double> y, dx, dweight, dbias;
};

/// The definition; dy replaces the gradient of y.
template <class T, class A>
Sums define(const std::vector<T>& x, const std::vector<A>& weight, const std::vector<A>& bias, const std::vector<T>& dy,
            const kernel::Depthwise& s) {
  Sums out{std::vector<double>(dy.size()), std::vector<double>(x.size()), std::vector<double>(weight.size()),
           std::vector<double>(bias.size())};
  for (int64_t b = 0, o = 0; b < s.B; ++b)
    for (int64_t oh = 0; oh < s.out_h(); ++oh)
      for (int64_t ow = 0; ow < s.out_w(); ++ow)
        for (int64_t c = 0; c < s.C; ++c, ++o) {
          out.y[o] = bias[c], out.dbias[c] += exact(dy[o]);
          for (int64_t ky = 0; ky < s.kh; ++ky)
            for (int64_t kx = 0; kx < s.kw; ++kx) {
              int64_t i = oh * s.stride - s.padding + ky * s.dilation, j = ow * s.stride - s.padding + kx * s.dilation;
              if (i < 0 || i >= s.H || j < 0 || j >= s.W) continue;
              int64_t at = ((b * s.H + i) * s.W + j) * s.C + c, w = (c * s.kh + ky) * s.kw + kx;
              out.y[o] += exact(x[at]) * exact(weight[w]);
              out.dx[at] += exact(dy[o]) * exact(weight[w]);
              out.dweight[w] += exact(dy[o]) * exact(x[at]);
            }
        }
  return out;
}

template <class T> double error(const std::vector<T>& got, const std::vector<double>& want) {
  double difference = 0, norm = 1e-30;
  for (size_t i = 0; i < want.size(); ++i)
    difference += std::pow(exact(got[i]) - want[i], 2), norm += want[i] * want[i];
  return std::sqrt(difference / norm);
}

template <class T> void compare(const kernel::Depthwise& s, double tolerance) {
  using A = acc_t<T>;
  int64_t y_size = s.B * s.out_h() * s.out_w() * s.C;
  auto x = numbers<T>(s.B * s.H * s.W * s.C, 1), dy = numbers<T>(y_size, 2);
  auto weight = numbers<A>(s.C * s.kh * s.kw, 3), bias = numbers<A>(s.C, 4);
  Sums want = define(x, weight, bias, dy, s);
  std::vector<T> y(y_size), dx(x.size());
  std::vector<A> dweight(weight.size()), dbias(bias.size());
  kernel::depthwise(x.data(), weight.data(), bias.data(), y.data(), static_cast<T*>(nullptr), s);
  kernel::depthwise_input_grad(dy.data(), weight.data(), dx.data(), s);
  kernel::depthwise_weight_grad(dy.data(), x.data(), dweight.data(), dbias.data(), s);
  INFO("B ", s.B, " H ", s.H, " W ", s.W, " C ", s.C, " k ", s.kh, "x", s.kw, " stride ", s.stride, " padding ",
       s.padding, " dilation ", s.dilation);
  CHECK(error(y, want.y) <= tolerance);
  CHECK(error(dx, want.dx) <= tolerance);
  CHECK(error(dweight, want.dweight) <= tolerance);
  CHECK(error(dbias, want.dbias) <= tolerance);
}

}  // namespace

TEST_CASE("depthwise convolution equals its definition") {
  std::vector<kernel::Depthwise> shapes;
  for (int64_t k : {1, 2, 3, 4, 5, 7, 9})
    for (int64_t W : {11, 14, 9})
      for (int64_t C : {1, 37}) shapes.push_back({2, 10, W, C, k, k, 1, k / 2, 1});
  for (int64_t k : {3, 5})
    for (int64_t padding : {0, 1, 6}) shapes.push_back({1, 13, 12, 16, k, k, 1, padding, 1});
  shapes.insert(shapes.end(), {{2, 13, 12, 19, 3, 3, 2, 1, 1},
                               {1, 12, 13, 8, 3, 3, 1, 3, 3},
                               {1, 17, 9, 5, 5, 5, 3, 2, 2},
                               {1, 2, 2, 33, 3, 3, 1, 1, 1},
                               {1, 6, 20, 17, 1, 3, 1, 0, 1},
                               {3, 1, 1, 64, 7, 7, 1, 3, 1},
                               {0, 5, 5, 4, 3, 3, 1, 1, 1},
                               {2, 7, 23, 48, 3, 3, 1, 1, 1}});
  for (const auto& s : shapes) {
    compare<float>(s, 1e-6);
    compare<double>(s, 1e-14);
    compare<bf16>(s, 4e-3);
  }
}

TEST_CASE("a depthwise weight gradient has the same bits for any number of threads") {
  kernel::Depthwise s{2, 23, 22, 40, 3, 3, 1, 1, 1};
  auto x = numbers<float>(s.B * s.H * s.W * s.C, 1), dy = numbers<float>(s.B * s.H * s.W * s.C, 2);
  std::vector<float> first(s.C * 9), again(s.C * 9), bias(s.C);
  set_threads(1);
  kernel::depthwise_weight_grad(dy.data(), x.data(), first.data(), bias.data(), s);
  for (int count : {2, 3}) {
    set_threads(count);
    kernel::depthwise_weight_grad(dy.data(), x.data(), again.data(), bias.data(), s);
    CHECK(first == again);
  }
  set_threads(0);
}
