// Attention over the pixels of a map, and the gates before it.
#include "moe/sdta.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/gradient_check.h"

using namespace camo;
using namespace camo::moe;
using test::largest_difference;

namespace {

constexpr AttentionKind kKinds[] = {AttentionKind::flash, AttentionKind::plain, AttentionKind::linear};

/// y = W x + b for the rows of x, in f64; b may be empty.
std::vector<double> times(const std::vector<double>& x, const Var& weight, const std::vector<double>& bias = {}) {
  const std::vector<double> w = to_vector<double>(weight.value());
  const size_t O = size_t(weight.dim(0)), I = size_t(weight.dim(1)), R = x.size() / I;
  std::vector<double> y(R * O);
  for (size_t r = 0; r < R; ++r)
    for (size_t o = 0; o < O; ++o) {
      y[r * O + o] = bias.empty() ? 0 : bias[o];
      for (size_t i = 0; i < I; ++i) y[r * O + o] += w[o * I + i] * x[r * I + i];
    }
  return y;
}

double elu1(double u) { return u > 0 ? u + 1 : std::exp(u); }

/// The definition of the encoder, token by token; `seen` are the tokens of one image that give keys and values.
std::vector<double> by_definition(SdtaEncoder& net, const std::vector<double>& tokens,
                                  const std::vector<double>& seen) {
  const size_t C = size_t(net.proj.weight.dim(0)), heads = size_t(net.heads), D = C / heads;
  const size_t N = tokens.size() / C, M = seen.size() / C;
  const std::vector<double> q = times(tokens, net.qkv.weight), kv = times(seen, net.qkv.weight);
  std::vector<double> y(N * C);
  for (size_t h = 0; h < heads; ++h)
    for (size_t n = 0; n < N; ++n) {
      double below = 0;
      std::vector<double> above(D);
      for (size_t m = 0; m < M; ++m) {
        double score = 0;
        for (size_t d = h * D; d < (h + 1) * D; ++d) {
          const double a = q[n * 3 * C + d], b = kv[m * 3 * C + C + d];
          score += net.options.kind == AttentionKind::linear ? elu1(a) * elu1(b) : a * b / std::sqrt(double(D));
        }
        const double weight = net.options.kind == AttentionKind::linear ? score : std::exp(score);
        below += weight;
        for (size_t d = 0; d < D; ++d) above[d] += weight * kv[m * 3 * C + 2 * C + h * D + d];
      }
      for (size_t d = 0; d < D; ++d) y[n * C + h * D + d] = above[d] / below;
    }
  return times(y, net.proj.weight, to_vector<double>(net.proj.bias.value()));
}

}  // namespace

TEST_CASE("encoder and block have as many parameters as the tables say") {
  const std::vector<std::pair<int64_t, int64_t>> encoder = {{80, 25'680},     {160, 102'560},  {288, 332'064},
                                                            {584, 1'364'808}, {64, 16'448},    {128, 65'664},
                                                            {320, 409'920},   {512, 1'049'088}};
  for (auto [dim, count] : encoder) CHECK(SdtaEncoder(nn::Scope{}, dim).parameter_count() == count);
  const std::vector<std::pair<int64_t, int64_t>> block = {{80, 3'680}, {160, 10'560}, {288, 28'224}, {584, 100'448}};
  for (auto [dim, count] : block) CHECK(SdtaBlock(nn::Scope{}, dim).parameter_count() == count);
}

TEST_CASE("heads: the largest divisor of the channels that is at most 8") {
  for (auto [dim, heads] : {std::pair{80, 8}, {24, 8}, {10, 5}, {36, 6}, {7, 7}, {1, 1}, {11, 1}, {26, 2}})
    CHECK(sdta_heads(dim) == heads);
}

TEST_CASE("the encoder equals its definition, computed token by token") {
  for (AttentionKind kind : kKinds) {
    SdtaEncoder net(nn::Scope{.seed = 3}, 24, {.kind = kind});
    net.train(false);
    Tensor x = randn({2, 5, 7, 24}, 1);
    Tensor y = net.forward(Var(x)).value();
    CHECK(y.shape() == x.shape());
    for (int64_t b = 0; b < 2; ++b) {
      const std::vector<double> tokens = to_vector<double>(x.slice(b, b + 1));
      CHECK(largest_difference(y.slice(b, b + 1), by_definition(net, tokens, tokens)) < 1e-5);
    }
  }
}

TEST_CASE("a large map pools its keys and values, and nothing else") {
  for (AttentionKind kind : kKinds) {
    SdtaEncoder net(nn::Scope{.seed = 3}, 6, {.kind = kind, .pool_above = 4, .pool_to = 3});
    net.train(false);
    Tensor x = randn({1, 4, 5, 6}, 1), pooled = adaptive_avg_pool(x, 3, 3);
    CHECK(largest_difference(net.forward(Var(x)).value(),
                             by_definition(net, to_vector<double>(x), to_vector<double>(pooled))) < 1e-5);
    Tensor small = randn({1, 4, 4, 6}, 2);
    CHECK(largest_difference(net.forward(Var(small)).value(),
                             by_definition(net, to_vector<double>(small), to_vector<double>(small))) < 1e-5);
  }
}

TEST_CASE("flash attention equals plain attention") {
  SdtaEncoder flash(nn::Scope{.seed = 3}, 80, {.kind = AttentionKind::flash});
  SdtaEncoder plain(nn::Scope{.seed = 3}, 80, {.kind = AttentionKind::plain});
  flash.train(false), plain.train(false);
  Tensor x = randn({2, 11, 11, 80}, 1), dy = randn({2, 11, 11, 80}, 2);
  Var a = Var::leaf(x), b = Var::leaf(x), y = flash.forward(a), z = plain.forward(b);
  CHECK(largest_difference(y.value(), to_vector<double>(z.value())) < 1e-5);
  backward(y, dy), backward(z, dy);
  CHECK(largest_difference(a.grad(), to_vector<double>(b.grad())) < 1e-5);
}

TEST_CASE("linear attention is a weighted mean of the values for any number of pixels") {
  SdtaEncoder net(nn::Scope{.seed = 3}, 16, {.kind = AttentionKind::linear});
  net.train(false);
  for (int64_t side : {4, 16, 64}) {
    Tensor x = randn({1, side, side, 16}, 1), y = net.forward(Var(x)).value();
    CHECK(std::sqrt(sum_of_squares(y) / double(y.numel())) < 1);
    Tensor one = randn({1, 1, 1, 16}, 2), same = expand(one, {1, side, side, 16});
    CHECK(largest_difference(net.forward(Var(same)).value().reshape({side * side, 16}).slice(0, 1),
                             to_vector<double>(net.forward(Var(one)).value())) < 1e-5);
  }
}

TEST_CASE("encoder: a pixel of zeros has a gradient too") {
  SdtaEncoder net(nn::Scope{.dtype = DType::f64, .seed = 3}, 4, {.kind = AttentionKind::linear, .dropout = 0});
  Var x = Var::leaf(randn({1, 2, 2, 4}, 1, DType::f64));
  for (int i = 0; i < 4; ++i) Tensor(x.value()).write<double>()[i] = 0;
  // Only the second derivative of elu has a jump, so differences of order 2 or more still agree within their step.
  CHECK(test::gradient_error([&] { return net.forward(x); }, {x}) < 1e-4);
}

TEST_CASE("dropout acts in training only") {
  SdtaEncoder net(nn::Scope{.seed = 3}, 8, {.dropout = 0.5});
  Var x(randn({1, 6, 6, 8}, 1));
  int64_t dropped = 0;
  for (float v : to_vector<float>(net.forward(x).value())) dropped += v == 0;
  CHECK(dropped > 72);
  net.train(false);
  for (float v : to_vector<float>(net.forward(x).value())) CHECK(v != 0);
}

TEST_CASE("the block gates channels, then pixels, and lets a tenth of x pass") {
  const int64_t H = 6, W = 5, C = 9;
  SdtaBlock net(nn::Scope{.seed = 3}, C);
  Tensor x = randn({1, H, W, C}, 1);
  const std::vector<double> X = to_vector<double>(x), taps = to_vector<double>(net.around.weight.value());
  std::vector<double> mean(C);
  for (int64_t i = 0; i < H * W * C; ++i) mean[size_t(i % C)] += X[size_t(i)] / double(H * W);
  std::vector<double> hidden = times(mean, net.squeeze.weight);
  CHECK(hidden.size() == 8);
  for (double& v : hidden) v = std::max(v, 0.0);
  const std::vector<double> gate = times(hidden, net.excite.weight);
  std::vector<double> x1(X.size()), around(X.size()), y(X.size());
  for (size_t i = 0; i < X.size(); ++i) x1[i] = X[i] / (1 + std::exp(-gate[i % size_t(C)]));
  for (int64_t h = 0; h < H; ++h)
    for (int64_t w = 0; w < W; ++w)
      for (int64_t c = 0; c < C; ++c)
        for (int64_t i = 0; i < 5; ++i)
          for (int64_t j = 0; j < 5; ++j)
            if (int64_t a = h + i - 2, b = w + j - 2; a >= 0 && a < H && b >= 0 && b < W)
              around[size_t((h * W + w) * C + c)] +=
                  taps[size_t((c * 5 + i) * 5 + j)] * x1[size_t((a * W + b) * C + c)];
  const std::vector<double> place = times(around, net.place.weight);
  for (size_t i = 0; i < X.size(); ++i) y[i] = x1[i] / (1 + std::exp(-place[i / size_t(C)])) + 0.1 * X[i];
  CHECK(largest_difference(net.forward(Var(x)).value(), y) < 1e-5);
}
