// Convolution kernels compared with plain loops over every kind of window.
#include "tensor/cpu/kernels/conv.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradient_check.h"
#include "tensor/ops/conv.h"
#include "tensor/ops/layout.h"
#include "tensor/random.h"

using namespace camo;
using kernel::Conv;

namespace {

const Conv kCases[] = {
    {2, 9, 8, 5, 7, 3, 3, 1, 1},        {1, 11, 11, 32, 20, 3, 3, 2, 1},     {2, 13, 10, 17, 33, 3, 3, 1, 2, 2},
    {1, 12, 9, 6, 8, 3, 3, 2, 3, 3},    {2, 8, 8, 12, 16, 2, 2, 2, 0},       {1, 16, 24, 64, 70, 8, 8, 8, 0},
    {2, 9, 11, 4, 8, 4, 4, 4, 0},       {1, 21, 19, 3, 24, 7, 7, 4, 3},      {2, 7, 5, 40, 36, 1, 1, 1, 0},
    {2, 7, 6, 18, 9, 1, 1, 2, 0},       {1, 6, 6, 12, 18, 3, 3, 1, 1, 1, 3}, {2, 10, 7, 8, 8, 5, 3, 1, 2, 1, 4},
    {1, 9, 9, 6, 12, 3, 3, 3, 1, 2, 6}, {1, 5, 4, 2, 3, 5, 4, 1, 0},         {1, 5, 4, 3, 2, 3, 2, 7, 2},
    {3, 1, 1, 4, 5, 1, 1, 1, 0},        {1, 1, 30, 3, 5, 1, 7, 2, 3},        {0, 8, 8, 4, 4, 3, 3, 1, 1},
    {1, 14, 14, 130, 65, 3, 3, 1, 1},   {2, 17, 13, 3, 16, 3, 3, 2, 1},
};

std::vector<double> noise(int64_t count, uint64_t seed) { return to_vector<double>(randn({count}, seed, DType::f64)); }

}  // namespace

TEST_CASE("convolution and its gradients equal the plain loops") {
  for (const Conv& s : kCases) {
    CAPTURE(s.H);
    CAPTURE(s.C);
    CAPTURE(s.kh);
    CAPTURE(s.stride);
    CAPTURE(s.groups);
    const int64_t nx = s.B * s.H * s.W * s.C, nw = s.O * s.kh * s.kw * s.C / s.groups,
                  ny = s.B * s.out_h() * s.out_w() * s.O;
    auto x = noise(nx, 1), w = noise(nw, 2), bias = noise(s.O, 3), dy = noise(ny, 4);
    std::vector<double> y(static_cast<size_t>(ny)), plain(static_cast<size_t>(ny)), dx(static_cast<size_t>(nx)),
        dw(static_cast<size_t>(nw));
    kernel::conv(x.data(), w.data(), bias.data(), y.data(), s);
    kernel::conv_plain(x.data(), w.data(), bias.data(), plain.data(), s);
    CHECK(test::relative_error(y, plain) < 1e-13);

    // The adjoints by scattering, tap by tap.
    std::vector<double> dx_plain(static_cast<size_t>(nx)), dw_plain(static_cast<size_t>(nw));
    const int64_t C = s.C / s.groups, O = s.O / s.groups;
    for (int64_t b = 0; b < s.B; ++b)
      for (int64_t i = 0; i < s.out_h(); ++i)
        for (int64_t j = 0; j < s.out_w(); ++j)
          for (int64_t o = 0; o < s.O; ++o)
            for (int64_t u = 0; u < s.kh; ++u)
              for (int64_t v = 0; v < s.kw; ++v)
                for (int64_t c = 0; c < C; ++c) {
                  const int64_t h = i * s.stride - s.padding + u * s.dilation,
                                k = j * s.stride - s.padding + v * s.dilation;
                  if (h < 0 || h >= s.H || k < 0 || k >= s.W) continue;
                  const size_t at_x = size_t(((b * s.H + h) * s.W + k) * s.C + o / O * C + c);
                  const size_t at_w = size_t(((o * s.kh + u) * s.kw + v) * C + c);
                  const size_t at_y = size_t(((b * s.out_h() + i) * s.out_w() + j) * s.O + o);
                  dx_plain[at_x] += dy[at_y] * w[at_w], dw_plain[at_w] += dy[at_y] * x[at_x];
                }
    kernel::conv_input_grad(dy.data(), w.data(), dx.data(), s);
    kernel::conv_weight_grad(dy.data(), x.data(), dw.data(), s);
    CHECK(test::relative_error(dx, dx_plain) < 1e-13);
    CHECK(test::relative_error(dw, dw_plain) < 1e-13);
  }
}

TEST_CASE("convolution in f32 and bf16 is close to f64") {
  for (const Conv& s : kCases) {
    const ConvSpec spec{s.stride, s.padding, s.dilation, s.groups};
    Tensor x = randn({s.B, s.H, s.W, s.C}, 1, DType::bf16), w = randn({s.O, s.kh, s.kw, s.C / s.groups}, 2, DType::f32);
    auto wide = [](const Tensor& t) { return from(to_vector<double>(t), t.shape()); };
    auto narrow = [](const Tensor& t) { return from(to_vector<float>(t), t.shape()); };
    Tensor y = conv2d(wide(x), wide(w), {}, spec), dy = randn(y.shape(), 3, DType::bf16);
    auto exact = to_vector<double>(y), dx = to_vector<double>(conv2d_input_grad(wide(dy), wide(w), x.shape(), spec)),
         dw = to_vector<double>(conv2d_weight_grad(wide(dy), wide(x), w.shape(), spec));
    CHECK(test::relative_error(to_vector<double>(conv2d(narrow(x), w, {}, spec)), exact) < 2e-6);
    CHECK(test::relative_error(to_vector<double>(conv2d(x, w, {}, spec)), exact) < 4e-3);
    CHECK(test::relative_error(to_vector<double>(conv2d_input_grad(narrow(dy), w, x.shape(), spec)), dx) < 2e-6);
    CHECK(test::relative_error(to_vector<double>(conv2d_input_grad(dy, w, x.shape(), spec)), dx) < 4e-3);
    CHECK(test::relative_error(to_vector<double>(conv2d_weight_grad(narrow(dy), narrow(x), w.shape(), spec)), dw) <
          2e-6);
    CHECK(test::relative_error(to_vector<double>(conv2d_weight_grad(dy, x, w.shape(), spec)), dw) < 2e-6);
  }
}

TEST_CASE("the convolution of an image does not depend on the rest of the batch") {
  Tensor x = randn({5, 9, 11, 20}, 1), w = randn({36, 3, 3, 20}, 2);
  Tensor all = conv2d(x, w, {}, {.padding = 1});
  for (int64_t b = 0; b < 5; ++b)
    CHECK(equal_bits(conv2d(x.slice(b, b + 1), w, {}, {.padding = 1}), all.slice(b, b + 1)));
}

TEST_CASE("TensorFlow's padding equals explicit zeros, of which the end gets the odd one") {
  for (int64_t stride : {1, 2, 3})
    for (int64_t k : {1, 2, 3, 5})
      for (int64_t dilation : {1, 2})
        for (int64_t C : {3, 20, 24})
          for (auto [H, W] : {std::pair<int64_t, int64_t>{8, 9}, {7, 10}, {1, 2}}) {
            const int64_t groups = C == 24 ? 24 : 1;  // 24: depthwise
            Tensor x = randn({2, H, W, C}, 1, DType::f64), w = randn({24, k, k, C / groups}, 2, DType::f64);
            auto margins = [&](int64_t n) {
              const int64_t outputs = (n + stride - 1) / stride;
              const int64_t all = std::max<int64_t>((outputs - 1) * stride + (k - 1) * dilation + 1 - n, 0);
              return std::pair<int64_t, int64_t>{all / 2, all - all / 2};
            };
            INFO("stride ", stride, " kernel ", k, " dilation ", dilation, " x ", x.shape());
            const ConvSpec same{.stride = stride, .dilation = dilation, .groups = groups, .same = true},
                plain{.stride = stride, .dilation = dilation, .groups = groups};
            const std::vector<std::pair<int64_t, int64_t>> zeros_around{{0, 0}, margins(H), margins(W), {0, 0}};
            const Tensor padded = pad(x, zeros_around), y = conv2d(x, w, {}, same);
            const auto values = [](const Tensor& t) { return to_vector<double>(t); };
            REQUIRE(y.shape() == Shape{2, (H + stride - 1) / stride, (W + stride - 1) / stride, 24});
            CHECK(test::relative_error(values(y), values(conv2d(padded, w, {}, plain))) < 1e-13);
            const Tensor dy = randn(y.shape(), 3, DType::f64);
            Tensor dx = conv2d_input_grad(dy, w, padded.shape(), plain);
            dx = slice(slice(dx, 1, margins(H).first, margins(H).first + H), 2, margins(W).first, margins(W).first + W);
            CHECK(test::relative_error(values(conv2d_input_grad(dy, w, x.shape(), same)), values(dx)) < 1e-13);
            CHECK(test::relative_error(values(conv2d_weight_grad(dy, x, w.shape(), same)),
                                       values(conv2d_weight_grad(dy, padded, w.shape(), plain))) < 1e-13);
          }
}
