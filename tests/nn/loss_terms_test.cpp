// Every loss: its definition pixel by pixel, its gradient, and which predictions it prefers.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/gradient_check.h"
#include "nn/loss.h"

using namespace camo;

namespace {

/// One image in double; p = sigmoid(z).
struct Image {
  int64_t H, W;
  std::vector<double> z, p, t;
  double entropy(int64_t i) const {
    const double x = z[size_t(i)];
    return std::max(x, 0.0) - x * t[size_t(i)] + std::log1p(std::exp(-std::abs(x)));
  }
};

double tversky(const Image& m, double extra, double missed) {
  double hit = 0, alarm = 0, miss = 0;
  for (size_t i = 0; i < m.p.size(); ++i)
    hit += m.p[i] * m.t[i], alarm += m.p[i] * (1 - m.t[i]), miss += (1 - m.p[i]) * m.t[i];
  return 1 - (hit + 1) / (hit + extra * alarm + missed * miss + 1);
}

double cross_entropy(const Image& m) {
  double total = 0;
  for (int64_t i = 0; i < m.H * m.W; ++i) total += m.entropy(i);
  return total / double(m.H * m.W);
}

double sobel(const Image& m, const std::vector<double>& x, int64_t h, int64_t w) {
  auto at = [&](int64_t i, int64_t j) {
    return x[size_t(std::clamp<int64_t>(i, 0, m.H - 1) * m.W + std::clamp<int64_t>(j, 0, m.W - 1))];
  };
  const double across =
      at(h - 1, w + 1) + 2 * at(h, w + 1) + at(h + 1, w + 1) - at(h - 1, w - 1) - 2 * at(h, w - 1) - at(h + 1, w - 1);
  const double down =
      at(h + 1, w - 1) + 2 * at(h + 1, w) + at(h + 1, w + 1) - at(h - 1, w - 1) - 2 * at(h - 1, w) - at(h - 1, w + 1);
  return std::sqrt((across * across + down * down) / 16 + 1e-6);
}

double edge(const Image& m) {
  double total = 0;
  for (int64_t h = 0; h < m.H; ++h)
    for (int64_t w = 0; w < m.W; ++w) total += std::pow(sobel(m, m.p, h, w) - sobel(m, m.t, h, w), 2);
  return total / double(m.H * m.W);
}

double boundary(const Image& m) {
  double above = cross_entropy(m), below = 1;
  for (int64_t h = 0; h < m.H; ++h)
    for (int64_t w = 0; w < m.W; ++w) {
      double most = 0, least = 1;
      for (int64_t i = std::max<int64_t>(h - 2, 0); i <= std::min(h + 2, m.H - 1); ++i)
        for (int64_t j = std::max<int64_t>(w - 2, 0); j <= std::min(w + 2, m.W - 1); ++j)
          most = std::max(most, m.t[size_t(i * m.W + j)]), least = std::min(least, m.t[size_t(i * m.W + j)]);
      above += (most - least) * m.entropy(h * m.W + w), below += most - least;
    }
  return above / below;
}

double ssim(const Image& m) {
  double total = 0;
  for (int64_t h = 0; h < m.H; ++h)
    for (int64_t w = 0; w < m.W; ++w) {
      double all = 0, mp = 0, mt = 0, vp = 0, vt = 0, cov = 0;
      for (int pass = 0; pass < 2; ++pass)  // first the means, then the moments about them
        for (int64_t i = std::max<int64_t>(h - 5, 0); i <= std::min(h + 5, m.H - 1); ++i)
          for (int64_t j = std::max<int64_t>(w - 5, 0); j <= std::min(w + 5, m.W - 1); ++j) {
            const double g = std::exp(-double((i - h) * (i - h) + (j - w) * (j - w)) / 4.5);
            const double p = m.p[size_t(i * m.W + j)], t = m.t[size_t(i * m.W + j)];
            if (pass == 0) all += g, mp += g * p, mt += g * t;
            else
              vp += g * std::pow(p - mp / all, 2), vt += g * std::pow(t - mt / all, 2),
                  cov += g * (p - mp / all) * (t - mt / all);
          }
      mp /= all, mt /= all, vp /= all, vt /= all, cov /= all;
      total += (2 * mp * mt + 1e-4) * (2 * cov + 9e-4) / ((mp * mp + mt * mt + 1e-4) * (vp + vt + 9e-4));
    }
  return 1 - total / double(m.H * m.W);
}

struct Loss {
  const char* name;
  Var (*of)(const Var& logits, const Tensor& target);
  double (*by_definition)(const Image&);
  bool sees_level = true;  // false: the loss is the same for all constant maps
};
const Loss kLosses[] = {
    {"bce", nn::bce_loss, cross_entropy},
    {"iou", nn::iou_loss, [](const Image& m) { return tversky(m, 1, 1); }},
    {"dice", nn::dice_loss, [](const Image& m) { return tversky(m, 0.5, 0.5); }},
    {"tversky", [](const Var& z, const Tensor& t) { return nn::tversky_loss(z, t); },
     [](const Image& m) { return tversky(m, 0.3, 0.7); }},
    {"focal_tversky", [](const Var& z, const Tensor& t) { return nn::focal_tversky_loss(z, t); },
     [](const Image& m) { return std::pow(tversky(m, 0.3, 0.7) + 1e-6, 0.75); }},
    {"edge", nn::edge_loss, edge, false},
    {"boundary", [](const Var& z, const Tensor& t) { return nn::boundary_loss(z, t); }, boundary},
    {"ssim", nn::ssim_loss, ssim},
};

/// The definition for a batch: the mean over its images.
double expected(const Loss& loss, const Tensor& logits, const Tensor& target) {
  double total = 0;
  for (int64_t b = 0; b < logits.dim(0); ++b) {
    Image m{logits.dim(1),
            logits.dim(2),
            to_vector<double>(logits.slice(b, b + 1)),
            {},
            to_vector<double>(target.slice(b, b + 1))};
    for (double z : m.z) m.p.push_back(1 / (1 + std::exp(-z)));
    total += loss.by_definition(m) / double(logits.dim(0));
  }
  return total;
}

double value(const Loss& loss, const Tensor& logits, const Tensor& target) {
  return item(loss.of(Var(logits), target).value());
}

Tensor square_mask(int64_t size, int64_t top, int64_t left, int64_t side) {
  Tensor t = zeros({1, size, size, 1}, DType::f64);
  for (int64_t h = top; h < top + side; ++h)
    for (int64_t w = left; w < left + side; ++w) t.write<double>()[h * size + w] = 1;
  return cast(t, DType::f32);
}
/// Logits of a confident network: +4 where the mask is 1, -4 elsewhere.
Tensor sure(const Tensor& mask) { return scale(mask, 8, -4); }

}  // namespace

TEST_CASE("a loss equals its definition, computed pixel by pixel, at any size") {
  for (const Loss& loss : kLosses)
    for (auto [H, W] : {std::pair{1, 1}, {1, 4}, {3, 2}, {13, 17}, {24, 24}}) {
      CAPTURE(std::string(loss.name));
      Tensor z = randn({2, H, W, 1}, 1, DType::f64), t = rand({2, H, W, 1}, 2, DType::f64);
      const double right = expected(loss, z, t);
      CHECK(value(loss, z, t) == doctest::Approx(right).epsilon(1e-11));
      CHECK(std::abs(value(loss, cast(z, DType::f32), cast(t, DType::f32)) - right) < 1e-5);
    }
}

TEST_CASE("a loss of confident logits and a realistic mask equals its definition") {
  for (const Loss& loss : kLosses) {
    CAPTURE(std::string(loss.name));
    Tensor t = concat({square_mask(24, 6, 6, 8), square_mask(24, 0, 3, 17), zeros({1, 24, 24, 1})}, 0);
    Tensor z = concat(
        {sure(square_mask(24, 8, 5, 8)), scale(sure(square_mask(24, 0, 3, 17)), 5), sure(square_mask(24, 2, 2, 3))}, 0);
    CHECK(std::abs(value(loss, z, t) - expected(loss, z, t)) < 1e-5);
  }
}

TEST_CASE("the gradient of a loss equals finite differences") {
  for (const Loss& loss : kLosses) {
    CAPTURE(std::string(loss.name));
    Var z = Var::leaf(randn({2, 5, 6, 1}, 1, DType::f64));
    Tensor t = rand({2, 5, 6, 1}, 2, DType::f64);
    CHECK(test::gradient_error([&] { return loss.of(z, t); }, {z}) < 1e-6);
  }
}

TEST_CASE("a loss falls from unsure to right; a wrong prediction costs more, unless the loss ignores the sign") {
  Tensor mask = square_mask(24, 6, 6, 8);
  for (const Loss& loss : kLosses) {
    CAPTURE(std::string(loss.name));
    double before = value(loss, zeros_like(mask), mask);
    if (loss.sees_level) CHECK(value(loss, scale(sure(mask), -1), mask) > before);
    for (double sureness : {0.2, 0.5, 1.0, 2.0, 5.0}) {
      const double now = value(loss, scale(sure(mask), sureness), mask);
      CHECK(now < before);
      before = now;
    }
    CHECK(before < 1e-3);
    CHECK(before >= 0);
  }
}

TEST_CASE("the nearer the guess, the lower the loss") {
  Tensor mask = square_mask(24, 6, 6, 8);
  for (const Loss& loss : kLosses) {
    CAPTURE(std::string(loss.name));
    double before = value(loss, sure(mask), mask);
    for (int64_t shift = 1; shift <= 4; ++shift) {
      const double now = value(loss, sure(square_mask(24, 6, 6 + shift, 8)), mask);
      CHECK(now > before);
      before = now;
    }
  }
}

TEST_CASE("empty and full masks: the loss is finite, least for the right answer, and every pixel has a gradient") {
  for (const Loss& loss : kLosses)
    for (double level : {0.0, 1.0}) {
      CAPTURE(std::string(loss.name));
      CAPTURE(level);
      const int64_t size = 12;
      const double toward = level == 0 ? -1 : 1;
      Tensor mask = full({1, size, size, 1}, level);
      CHECK(value(loss, full(mask.shape(), 14 * toward), mask) < 1e-2);
      Var z = Var::leaf(loss.sees_level ? zeros_like(mask) : randn(mask.shape(), 1));
      Var l = loss.of(z, mask);
      backward(l);
      CHECK(std::isfinite(item(l.value())));
      CHECK(all_finite(z.grad()));
      if (loss.sees_level)
        for (float g : to_vector<float>(z.grad())) CHECK(g * -toward > 1e-6);
      else CHECK(value(loss, z.value() - z.grad() * 1, mask) < item(l.value()));
    }
}

TEST_CASE("a loss of extreme logits is finite in value and gradient") {
  Tensor mask = square_mask(24, 6, 6, 8);
  for (const Loss& loss : kLosses)
    for (double size : {-1e4, -100.0, 100.0, 1e4}) {
      CAPTURE(std::string(loss.name));
      Var z = Var::leaf(scale(sure(mask), size)), l = loss.of(z, mask);
      backward(l);
      CHECK(std::isfinite(item(l.value())));
      CHECK(all_finite(z.grad()));
    }
}

TEST_CASE("a loss is the mean over its images") {
  Tensor small = square_mask(24, 2, 2, 3), large = square_mask(24, 3, 3, 18);
  for (const Loss& loss : kLosses) {
    CAPTURE(std::string(loss.name));
    const double both = value(loss, concat({zeros_like(small), sure(small)}, 0), concat({small, large}, 0));
    CHECK(both == doctest::Approx((value(loss, zeros_like(small), small) + value(loss, sure(small), large)) / 2));
  }
}

TEST_CASE("a loss names the shapes that do not fit") {
  for (const Loss& loss : kLosses) {
    CHECK_THROWS_WITH_AS(value(loss, zeros({1, 4, 4, 1}), zeros({1, 4, 5, 1})), doctest::Contains("(1, 4, 5, 1)"),
                         ShapeError);
    CHECK_THROWS_AS(value(loss, zeros({1, 4, 4, 2}), zeros({1, 4, 4, 2})), ShapeError);
  }
}
