// EdgeNeXt: positions and attention across channels.  backbone_test.cpp tests what all backbones have in common;
// golden_test.cpp compares them with timm.
#include "nn/backbones/edgenext.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "autograd/ops.h"

using namespace camo;
using namespace camo::nn;

TEST_CASE("positions: rows before columns, from 1 up to the angle 2 pi") {
  Tensor code = fourier_positions(2, 3);
  CHECK(code.shape() == Shape{1, 2, 3, 64});
  const float* first = code.read<float>();       // pixel (0, 0)
  const float* last = code.read<float>() + 320;  // pixel (1, 2)
  for (auto [at, value] : std::map<int, double>{{0, 1.6e-6},
                                                {1, -1},
                                                {2, 0.9808826},
                                                {3, -0.1946005},
                                                {30, 0.0005587},
                                                {31, 0.9999998},
                                                {32, 0.8660258},
                                                {33, -0.4999994},
                                                {34, 0.9237522},
                                                {62, 0.0003724}})
    CHECK(std::abs(first[at] - value) < 1e-6);
  for (auto [at, value] : std::map<int, double>{{0, -3.1e-6},
                                                {1, 1},
                                                {2, -0.3817605},
                                                {3, -0.9242613},
                                                {30, 0.0011173},
                                                {33, 1},
                                                {34, -0.3817611},
                                                {62, 0.0011173}})
    CHECK(std::abs(last[at] - value) < 1e-6);
}

TEST_CASE("cross-covariance attention: permuted tokens give permuted results") {
  CrossCovarianceAttention attention({.dtype = DType::f64, .seed = 3}, 12, 3, Init::uniform);
  Var x(randn({2, 4, 5, 12}, 7, DType::f64)), gamma(rand({12}, 8, DType::f64));
  Tensor y = attention.forward(x, gamma).value();
  Tensor moved = attention.forward(flip(flip(x, 1), 2), gamma).value();
  CHECK(y.shape() == x.shape());
  std::vector<double> a = to_vector<double>(flip(flip(Var(moved), 1), 2).value()), b = to_vector<double>(y);
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(b[i]).epsilon(1e-12));
}

TEST_CASE("cross-covariance attention of an image of zeros has no NaN, and has a gradient") {
  CrossCovarianceAttention attention({.seed = 3}, 8, 2, Init::trunc_normal_tf);  // biases are 0, so norms are 0
  Var x = Var::leaf(zeros({1, 3, 3, 8}));
  Var y = attention.forward(x, Var(ones({8})));
  backward(sum(square(y + 1.0)));
  CHECK(all_finite(y.value()));
  CHECK(all_finite(x.grad()));
  for (const Parameter& p : attention.named_parameters()) CHECK(all_finite(p.var.grad()));
}
