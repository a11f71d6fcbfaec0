// Winograd's convolution compared with the plain loops in f64, and its bits over threads, batch and tiles.
#include "tensor/cpu/kernels/winograd.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tensor/ops/conv.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"
#include "tensor/random.h"

using namespace camo;
using kernel::Conv;

namespace {

/// Sides around whole tiles, channels around whole vectors, kernels on both sides of kSmallKernel, every padding.
const Conv kServed[] = {{2, 13, 17, 32, 32, 3, 3, 1, 1},   {1, 16, 20, 33, 50, 3, 3, 1, 1},
                        {3, 18, 15, 65, 34, 3, 3, 1, 0},   {1, 14, 13, 40, 40, 3, 3, 1, 2},
                        {1, 22, 22, 128, 112, 3, 3, 1, 1}, {2, 31, 29, 48, 300, 3, 3, 1, 1},
                        {1, 13, 13, 512, 40, 3, 3, 1, 1},  {5, 26, 26, 36, 36, 3, 3, 1, 1}};

struct Passes {
  Tensor y, dx, dw;
};
Passes run(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& dy, const Conv& s) {
  return {conv2d(x, w, bias, s.spec()), conv2d_input_grad(dy, w, x.shape(), s.spec()),
          conv2d_weight_grad(dy, x, w.shape(), s.spec())};
}

struct Problem {
  explicit Problem(const Conv& s, DType type = DType::f32)
      : x(randn({s.B, s.H, s.W, s.C}, 1, type)),
        w(randn({s.O, 3, 3, s.C}, 2)),
        bias(randn({s.O}, 3)),
        dy(randn({s.B, s.out_h(), s.out_w(), s.O}, 4, type)) {}
  Tensor x, w, bias, dy;
};

Tensor wide(const Tensor& t) { return from(to_vector<double>(t), t.shape()); }

/// The largest error as a fraction of the largest number.
double error(const Tensor& got, const Tensor& exact) {
  const auto a = to_vector<double>(got), b = to_vector<double>(exact);
  double most = 0, off = 0;
  for (size_t i = 0; i < b.size(); ++i)
    most = std::max(most, std::abs(b[i])), off = std::max(off, std::abs(a[i] - b[i]));
  return off / most;
}

bool same_bits(const Tensor& a, const Tensor& b) { return to_vector<float>(a) == to_vector<float>(b); }

}  // namespace

TEST_CASE("Winograd's convolution and its gradients are within 1e-5 of the largest output") {
  for (const Conv& s : kServed) {
    REQUIRE(kernel::winograd_serves<float>(s));
    const Problem p(s);
    const Passes got = run(p.x, p.w, p.bias, p.dy, s), exact = run(wide(p.x), wide(p.w), wide(p.bias), wide(p.dy), s);
    CAPTURE(s.C);
    CAPTURE(s.O);
    CHECK(error(got.y, exact.y) < 1e-5);
    CHECK(error(got.dx, exact.dx) < 1e-5);
    CHECK(error(got.dw, exact.dw) < 1e-5);
  }
}

TEST_CASE("Winograd's convolution of bf16 rounds once") {
  for (const Conv& s : kServed) {
    REQUIRE(kernel::winograd_serves<bf16>(s));
    const Problem p(s, DType::bf16);
    const Passes got = run(p.x, p.w, p.bias, p.dy, s), exact = run(wide(p.x), wide(p.w), wide(p.bias), wide(p.dy), s);
    CHECK(error(got.y, exact.y) < 0x1p-8);  // half the distance of two neighbours, of the largest
    CHECK(error(got.dx, exact.dx) < 0x1p-8);
    CHECK(error(got.dw, exact.dw) < 1e-5);
  }
}

TEST_CASE("Winograd's bits do not depend on threads, and those of an image not on its batch") {
  for (const Conv& s : kServed) {
    const Problem p(s);
    set_threads(1);
    const Passes one = run(p.x, p.w, p.bias, p.dy, s);
    for (int count : {2, 3}) {
      set_threads(count);
      const Passes more = run(p.x, p.w, p.bias, p.dy, s);
      CHECK(same_bits(one.y, more.y));
      CHECK(same_bits(one.dx, more.dx));
      CHECK(same_bits(one.dw, more.dw));
    }
    set_threads(0);
    for (int64_t b = 0; b < s.B; ++b) {
      const Passes alone = run(slice(p.x, 0, b, b + 1), p.w, p.bias, slice(p.dy, 0, b, b + 1), s);
      CHECK(same_bits(alone.y, slice(one.y, 0, b, b + 1)));
      CHECK(same_bits(alone.dx, slice(one.dx, 0, b, b + 1)));
    }
  }
}

TEST_CASE("use_winograd(false) takes the direct kernels") {
  const Conv s = kServed[0];
  const Problem p(s);
  const Passes on = run(p.x, p.w, p.bias, p.dy, s);
  use_winograd(false);
  CHECK(!kernel::winograd_serves<float>(s));
  const Passes off = run(p.x, p.w, p.bias, p.dy, s);
  use_winograd(true);
  CHECK(!same_bits(on.y, off.y));
  CHECK(!same_bits(on.dx, off.dx));
  CHECK(!same_bits(on.dw, off.dw));
}

TEST_CASE("Winograd serves 3 x 3, stride 1, one group, enough channels and pixels") {
  const Conv s{1, 13, 13, 32, 32, 3, 3, 1, 1};
  auto serves = [&](auto change) {
    Conv t = s;
    change(t);
    return kernel::winograd_serves<float>(t);
  };
  CHECK(serves([](Conv&) {}));
  CHECK(!serves([](Conv& c) { c.H = 12; }));
  CHECK(!serves([](Conv& c) { c.C = 31; }));
  CHECK(!serves([](Conv& c) { c.O = 31; }));
  CHECK(!serves([](Conv& c) { c.kh = 5; }));
  CHECK(!serves([](Conv& c) { c.stride = 2, c.H = c.W = 40; }));
  CHECK(!serves([](Conv& c) { c.dilation = 2, c.H = c.W = 40; }));
  CHECK(!serves([](Conv& c) { c.groups = 2, c.C = c.O = 128; }));
}
