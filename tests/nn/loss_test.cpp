// Which predictions the losses prefer.
#include "nn/loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradient_check.h"

using namespace camo;

namespace {

constexpr int64_t kSize = 24;

/// A square object of `side` pixels with its upper left corner at (top, left).
Tensor square_mask(int64_t top, int64_t left, int64_t side) {
  Tensor t = zeros({1, kSize, kSize, 1});
  for (int64_t h = top; h < top + side; ++h)
    for (int64_t w = left; w < left + side; ++w) t.write<float>()[h * kSize + w] = 1;
  return t;
}

/// Logits of a confident network: +4 where the mask is 1, -4 elsewhere.
Tensor certain(const Tensor& mask) { return scale(mask, 8, -4); }

double loss(const Tensor& logits, const Tensor& target, int64_t window = 7) {
  return item(nn::structure_loss(Var(logits), target, window).value());
}

}  // namespace

TEST_CASE("structure loss equals its definition, computed pixel by pixel") {
  const int64_t B = 2, H = 9, W = 7, window = 5;
  Tensor z = randn({B, H, W, 1}, 1, DType::f64), t = rand({B, H, W, 1}, 2, DType::f64);
  const double *Z = z.read<double>(), *T = t.read<double>();
  double expected = 0;
  for (int64_t b = 0; b < B; ++b) {
    double sum_w = 0, entropy = 0, both = 0, either = 0;
    for (int64_t h = 0; h < H; ++h)
      for (int64_t w = 0; w < W; ++w) {
        double around = 0;
        for (int64_t i = h - 2; i <= h + 2; ++i)
          for (int64_t j = w - 2; j <= w + 2; ++j)
            if (i >= 0 && i < H && j >= 0 && j < W) around += T[(b * H + i) * W + j] / 25;
        const double target = T[(b * H + h) * W + w], p = 1 / (1 + std::exp(-Z[(b * H + h) * W + w]));
        const double weight = 1 + 5 * std::abs(around - target);
        sum_w += weight, entropy -= weight * (target * std::log(p) + (1 - target) * std::log(1 - p));
        both += weight * p * target, either += weight * (p + target - p * target);
      }
    expected += (entropy / sum_w + 1 - (both + 1) / (either + 1)) / B;
  }
  CHECK(loss(z, t, window) == doctest::Approx(expected).epsilon(1e-10));
}

TEST_CASE("structure loss: right < unsure < wrong") {
  Tensor mask = square_mask(6, 6, 8);
  const double right = loss(certain(mask), mask), unsure = loss(zeros_like(mask), mask),
               wrong = loss(scale(certain(mask), -1), mask);
  CHECK(right < 0.1);
  CHECK(right < unsure);
  CHECK(unsure < wrong);
}

TEST_CASE("structure loss is lower the more the guess overlaps") {
  Tensor mask = square_mask(6, 6, 8);
  double before = loss(certain(mask), mask);
  for (int64_t shift = 1; shift <= 8; ++shift) {
    const double now = loss(certain(square_mask(6, 6 + shift, 8)), mask);
    CHECK(now > before);
    before = now;
  }
}

TEST_CASE("an error at the boundary costs more than one inside or far outside") {
  Tensor mask = square_mask(6, 6, 12);
  auto one_error = [&](int64_t h, int64_t w) {
    Tensor guess = certain(mask);
    guess.write<float>()[h * kSize + w] *= -1;
    return loss(guess, mask);
  };
  CHECK(one_error(6, 11) > one_error(12, 12));  // at the edge; deep inside
  CHECK(one_error(5, 11) > one_error(1, 22));   // just outside; far away
}

TEST_CASE("an empty mask: the loss is finite, least when nothing is found, and has a gradient toward that") {
  Tensor nothing = zeros({1, kSize, kSize, 1});
  CHECK(loss(full(nothing.shape(), -12), nothing) < 0.01);
  Var z = Var::leaf(zeros_like(nothing));
  backward(nn::structure_loss(z, nothing));
  for (float g : to_vector<float>(z.grad())) CHECK(g > 1e-4 / (kSize * kSize));  // lowers every pixel
}

TEST_CASE("extreme logits stay finite in value and gradient") {
  Tensor mask = square_mask(6, 6, 8);
  for (double size : {100.0, 1e4}) {
    Var z = Var::leaf(scale(certain(mask), -size));
    Var l = nn::structure_loss(z, mask);
    backward(l);
    CHECK(std::isfinite(item(l.value())));
    CHECK(all_finite(z.grad()));
  }
}

TEST_CASE("every image has the same weight, whatever the size of its object") {
  Tensor small = square_mask(2, 2, 3), large = square_mask(3, 3, 18);
  const double both = loss(concat({zeros_like(small), zeros_like(large)}, 0), concat({small, large}, 0));
  CHECK(both == doctest::Approx((loss(zeros_like(small), small) + loss(zeros_like(large), large)) / 2).epsilon(1e-6));
}

TEST_CASE("the gradient of the structure loss equals finite differences") {
  Var z = Var::leaf(randn({2, 5, 6, 1}, 1, DType::f64));
  Tensor t = rand({2, 5, 6, 1}, 2, DType::f64);
  CHECK(test::gradient_error([&] { return nn::structure_loss(z, t, 3); }, {z}) < 1e-6);
}

TEST_CASE("tversky: misses cost more than false alarms") {
  Tensor mask = square_mask(6, 6, 8);
  const double missed = item(nn::tversky_loss(Var(certain(square_mask(7, 7, 6))), mask).value());
  Tensor larger = certain(mask);  // has as many extra pixels as the smaller guess misses
  for (int64_t i = 0; i < 28; ++i) larger.write<float>()[i] = 4;
  CHECK(missed > item(nn::tversky_loss(Var(larger), mask).value()));
}

TEST_CASE("the morphological gradient lies on both sides of the outline and never on the border") {
  for (int64_t corner : {8, 0}) {  // inside the picture, and cut off by its upper and left border
    Tensor g = nn::morphological_gradient(square_mask(corner, corner, 5), 3);
    for (int64_t h = 0; h < kSize; ++h)
      for (int64_t w = 0; w < kSize; ++w) {
        auto within = [&](int64_t i, int64_t margin) {
          return (i >= corner - margin || corner == 0) && i <= corner + 4 + margin;
        };
        const bool outline = within(h, 1) && within(w, 1) && !(within(h, -1) && within(w, -1));
        CHECK(g.read<float>()[h * kSize + w] == (outline ? 1.f : 0.f));
      }
  }
  for (double level : {0.0, 1.0}) CHECK(sum_of_squares(nn::morphological_gradient(full({2, 5, 7, 1}, level), 5)) == 0);
}

TEST_CASE("boundary loss: an error counts along the outline, and hardly elsewhere, even at the border") {
  Tensor mask = square_mask(0, 6, 12);
  auto one_error = [&](int64_t h, int64_t w) {
    Tensor guess = certain(mask);
    guess.write<float>()[h * kSize + w] *= -1;
    return item(nn::boundary_loss(Var(guess), mask).value()) -
           item(nn::boundary_loss(Var(certain(mask)), mask).value());
  };
  for (auto [h, w] : {std::pair{11, 11}, {12, 11}, {5, 6}, {5, 5}, {0, 6}})
    for (auto [i, j] : {std::pair{5, 12}, {0, 12}, {0, 0}, {23, 23}, {20, 12}})
      CHECK(one_error(h, w) > 100 * one_error(i, j));
}

TEST_CASE("edge loss: the border of the picture is not an edge") {
  CHECK(item(nn::edge_loss(Var(full({1, 9, 9, 1}, 20)), zeros({1, 9, 9, 1})).value()) < 1e-10);
}

namespace {

double uncertainty(double logit, double u, double t) {
  auto map = [](double x) { return full({1, 1, 1, 1}, x, DType::f64); };
  return item(nn::uncertainty_loss(Var(map(logit)), Var(map(u)), map(t)).value());
}

}  // namespace

TEST_CASE("uncertainty loss: least where u equals the error, at least 0, and larger for larger errors") {
  double before = 0;
  for (double logit : {8.0, 3.0, 1.0, 0.0, -1.0, -4.0}) {  // the target is 1: each is worse than the last
    const double error = std::log1p(std::exp(-logit)), least = uncertainty(logit, error, 1);
    CHECK(least == doctest::Approx(std::log(1 + error / 0.05)).epsilon(1e-10));
    for (double u = 0; u < 10; u += 0.01) CHECK(uncertainty(logit, u, 1) >= least - 1e-12);
    CHECK(least > before);
    before = least;
  }
  for (double u : {0.0, 0.05, 0.5, 10.0}) CHECK(uncertainty(2, u, 1) < uncertainty(1, u, 1));
}

TEST_CASE("uncertainty loss: definition, gradients, shapes") {
  Tensor t = rand({2, 4, 5, 1}, 2, DType::f64);
  Var z = Var::leaf(randn(t.shape(), 1, DType::f64)), u = Var::leaf(rand(t.shape(), 3, DType::f64));
  double mean = 0;
  for (int64_t i = 0; i < 40; ++i) {
    const double x = z.value().read<double>()[i], e = std::log1p(std::exp(x)) - x * t.read<double>()[i];
    const double v = u.value().read<double>()[i] + 0.05;
    mean += ((e + 0.05) / v + std::log(v / 0.05) - 1) / 40;
  }
  CHECK(item(nn::uncertainty_loss(z, u, t).value()) == doctest::Approx(mean).epsilon(1e-12));
  CHECK(test::gradient_error([&] { return nn::uncertainty_loss(z, u, t); }, {z, u}) < 1e-6);
  CHECK_THROWS_AS(nn::uncertainty_loss(z, Var(zeros({2, 4, 4, 1}, DType::f64)), t), ShapeError);
}

TEST_CASE("structure loss names the shapes that do not fit") {
  CHECK_THROWS_WITH_AS(loss(zeros({1, 4, 4, 1}), zeros({1, 4, 5, 1})), doctest::Contains("(1, 4, 5, 1)"), ShapeError);
}
