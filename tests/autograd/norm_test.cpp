// Norms and softmax compared with plain loops in double, also for inputs where careless arithmetic would fail.
#include <doctest/doctest.h>

#include <cmath>

#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "tensor/random.h"

using namespace camo;
using test::largest_difference;

namespace {

struct Moments {
  double mean = 0, variance = 0;
};
template <class At> Moments moments(int64_t n, const At& at) {
  Moments out;
  for (int64_t i = 0; i < n; ++i) out.mean += at(i) / double(n);
  for (int64_t i = 0; i < n; ++i) out.variance += (at(i) - out.mean) * (at(i) - out.mean) / double(n);
  return out;
}

}  // namespace

TEST_CASE("layer norm equals its formula for every row length") {
  for (int64_t C : {1, 2, 7, 8, 9, 31, 64, 65, 257, 1280}) {
    CAPTURE(C);
    const int64_t R = 5;
    Tensor x = randn({R, C}, 1, DType::f64);
    Tensor gain = randn({C}, 2, DType::f64), bias = randn({C}, 3, DType::f64);
    LayerNormOut out = layer_norm(x, gain, bias, 1e-5);
    std::vector<double> v = to_vector<double>(x), g = to_vector<double>(gain), b = to_vector<double>(bias);
    std::vector<double> y(v.size()), mean(R), rstd(R);
    for (int64_t r = 0; r < R; ++r) {
      Moments m = moments(C, [&](int64_t c) { return v[r * C + c]; });
      mean[r] = m.mean, rstd[r] = 1 / std::sqrt(m.variance + 1e-5);
      for (int64_t c = 0; c < C; ++c) y[r * C + c] = (v[r * C + c] - mean[r]) * rstd[r] * g[c] + b[c];
    }
    CHECK(largest_difference(out.y, y) < 1e-13);
    CHECK(largest_difference(out.mean, mean) < 1e-14);
    CHECK(largest_difference(out.rstd, rstd) < 1e-12 * 317);
    auto f32 = [](const Tensor& t) { return cast(t, DType::f32); };
    CHECK(largest_difference(layer_norm(f32(x), f32(gain), f32(bias), 1e-5).y, y) < 1e-5);
  }
}

TEST_CASE("a row of one number becomes the bias and has gradient zero") {
  Tensor x = randn({9, 1}, 1), gain = full({1}, 1.5), bias = full({1}, -0.25);
  LayerNormOut out = layer_norm(x, gain, bias, 1e-5);
  CHECK(equal_bits(out.y, full({9, 1}, -0.25)));
  NormGrads g = layer_norm_backward(randn({9, 1}, 2), x, gain, out.mean, out.rstd);
  CHECK(largest_difference(g.dx, std::vector<double>(9)) < 1e-4);  // rstd is 316, which multiplies a rounding error
  CHECK(equal_bits(g.dgain, zeros({1})));
}

TEST_CASE("a row's layer norm does not depend on the other rows, nor does its gradient") {
  Tensor x = randn({301, 33}, 1), dy = randn({301, 33}, 2), gain = randn({33}, 3), bias = randn({33}, 4);
  LayerNormOut all = layer_norm(x, gain, bias, 1e-6), few = layer_norm(x.slice(290, 294), gain, bias, 1e-6);
  CHECK(equal_bits(all.y.slice(290, 294), few.y));
  CHECK(equal_bits(layer_norm_backward(dy, x, gain, all.mean, all.rstd).dx.slice(290, 294),
                   layer_norm_backward(dy.slice(290, 294), x.slice(290, 294), gain, few.mean, few.rstd).dx));
}

TEST_CASE("the gradients of gain and bias are sums over the rows, for every number of rows") {
  constexpr int64_t C = 5;
  for (int64_t R : {1, 7, 255, 256, 257, 1000, 1537}) {
    CAPTURE(R);
    const Tensor x = randn({R, C}, 1, DType::f64), dy = randn({R, C}, 2, DType::f64);
    const Tensor gain = randn({C}, 3, DType::f64), bias = zeros({C}, DType::f64);
    const std::vector<double> v = to_vector<double>(x), g = to_vector<double>(dy);
    std::vector<double> of_rows(C), of_columns(C), dbias(C);  // dgain of layer norm, and of batch norm
    for (int64_t r = 0; r < R; ++r) {
      const Moments m = moments(C, [&](int64_t c) { return v[r * C + c]; });
      for (int64_t c = 0; c < C; ++c) {
        of_rows[c] += g[r * C + c] * (v[r * C + c] - m.mean) / std::sqrt(m.variance + 1e-5);
        dbias[c] += g[r * C + c];
      }
    }
    for (int64_t c = 0; c < C; ++c) {
      const Moments m = moments(R, [&](int64_t r) { return v[r * C + c]; });
      for (int64_t r = 0; r < R; ++r)
        of_columns[c] += g[r * C + c] * (v[r * C + c] - m.mean) / std::sqrt(m.variance + 1e-5);
    }
    const LayerNormOut out = layer_norm(x, gain, bias, 1e-5);
    const NormGrads layer = layer_norm_backward(dy, x, gain, out.mean, out.rstd);
    CHECK(largest_difference(layer.dgain, of_rows) < 1e-11);
    CHECK(largest_difference(layer.dbias, dbias) < 1e-11);
    const NormGrads batch = batch_norm_backward(dy, x, gain, batch_stats(x), 1e-5, true);
    CHECK(largest_difference(batch.dgain, of_columns) < 1e-11);
    CHECK(largest_difference(batch.dbias, dbias) < 1e-11);
  }
}

TEST_CASE("norms keep their precision far from zero") {
  // The textbook formula E[x^2] - E[x]^2 has no correct digit here.
  Tensor x = scale(randn({4000, 48}, 1), 1, 10000);
  std::vector<double> v = to_vector<double>(x);
  BatchStats stats = batch_stats(x);
  std::vector<double> mean(48), variance(48);
  for (int64_t c = 0; c < 48; ++c) {
    Moments m = moments(4000, [&](int64_t r) { return v[r * 48 + c]; });
    mean[c] = m.mean, variance[c] = m.variance;
  }
  CHECK(largest_difference(stats.mean, mean) < 0.01);  // a few units in the last place of 10000
  CHECK(largest_difference(stats.variance, variance) < 2e-3);
  LayerNormOut out = layer_norm(x, ones({48}), zeros({48}), 0);
  for (int64_t r : {0, 1999, 3999}) {
    Moments m = moments(48, [&](int64_t c) { return v[r * 48 + c]; });
    CHECK(to_vector<double>(out.rstd)[r] == doctest::Approx(1 / std::sqrt(m.variance)).epsilon(1e-4));
  }
}

TEST_CASE("batch statistics are the mean and the biased variance for every number of rows") {
  for (int64_t R : {1, 2, 7, 8, 255, 256, 257, 1000, 1537}) {
    CAPTURE(R);
    Tensor x = randn({R, 5}, 1, DType::f64);
    std::vector<double> v = to_vector<double>(x), mean(5), variance(5);
    for (int64_t c = 0; c < 5; ++c) {
      Moments m = moments(R, [&](int64_t r) { return v[r * 5 + c]; });
      mean[c] = m.mean, variance[c] = m.variance;
    }
    BatchStats stats = batch_stats(x);
    CHECK(largest_difference(stats.mean, mean) < 1e-13);
    CHECK(largest_difference(stats.variance, variance) < 1e-13);
  }
}

TEST_CASE("batch norm returns the statistics that it normalises with") {
  Var x(randn({3, 4, 4, 6}, 1, DType::f64)), gain(ones({6}, DType::f64)), bias(zeros({6}, DType::f64));
  BatchStats stats;
  Var y = batch_norm(x, gain, bias, 0, &stats);
  BatchStats own = batch_stats(x.value()), after = batch_stats(y.value());
  CHECK(equal_bits(stats.mean, own.mean));
  CHECK(equal_bits(stats.variance, own.variance));
  CHECK(largest_difference(after.mean, std::vector<double>(6, 0)) < 1e-14);
  CHECK(largest_difference(after.variance, std::vector<double>(6, 1)) < 1e-13);
  CHECK(equal_bits(batch_norm_eval(x, gain, bias, stats.mean, stats.variance, 0).value(), y.value()));
}

TEST_CASE("softmax equals its formula, also far from zero") {
  for (double shift : {0., 1000., -1000.}) {
    Tensor x = scale(randn({4, 37}, 1, DType::f64), 3, shift);
    std::vector<double> v = to_vector<double>(x), p(v.size()), l(v.size()), s(4);
    for (int64_t r = 0; r < 4; ++r) {
      for (int64_t c = 0; c < 37; ++c) s[r] += std::exp(v[r * 37 + c] - shift);
      for (int64_t c = 0; c < 37; ++c) {
        p[r * 37 + c] = std::exp(v[r * 37 + c] - shift) / s[r];
        l[r * 37 + c] = v[r * 37 + c] - shift - std::log(s[r]);
      }
      s[r] = shift + std::log(s[r]);
    }
    CHECK(largest_difference(softmax(x), p) < 1e-14);
    CHECK(largest_difference(log_softmax(x), l) < 1e-11);
    CHECK(largest_difference(logsumexp(x), s) < 1e-12);
    CHECK(largest_difference(softmax(cast(x, DType::f32)), p) < 1e-3);  // near 1000 f32 numbers are 6e-5 apart
  }
}

TEST_CASE("softmax gives a masked logit weight zero and propagates NaN") {
  const float inf = INFINITY;
  Tensor p = softmax(from<float>({0, -inf, 0, -inf, -inf, 5}, {2, 3}));
  CHECK(to_vector<float>(p) == std::vector<float>{0.5f, 0, 0.5f, 0, 0, 1});
  for (float v : to_vector<float>(softmax(from<float>({1, NAN, 2}, {1, 3})))) CHECK(std::isnan(v));
}
