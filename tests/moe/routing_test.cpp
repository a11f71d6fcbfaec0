// Routing by tile and by pixel, and experts as grouped products.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/debug.h"
#include "moe/moe.h"
#include "nn/checking/layer_case.h"
#include "tests/moe/naive_map.h"

using namespace camo;
using namespace camo::moe;
using test::largest_difference;
using test::Numbers;

namespace {

/// The t x t window of one image at (top, left), with zeros beyond its edges; or that window added into the image.
Tensor window_of(const Tensor& x, int64_t b, int64_t top, int64_t left, int64_t t) {
  const int64_t H = x.dim(1), W = x.dim(2), C = x.dim(3);
  Tensor out = zeros({1, t, t, C}, DType::f64);
  for (int64_t h = top; h < std::min(top + t, H); ++h)
    for (int64_t w = left; w < std::min(left + t, W); ++w)
      for (int64_t c = 0; c < C; ++c)
        out.write<double>()[((h - top) * t + w - left) * C + c] = x.read<double>()[((b * H + h) * W + w) * C + c];
  return out;
}
void put_back(const Tensor& window, Tensor x, int64_t b, int64_t top, int64_t left) {
  const int64_t H = x.dim(1), W = x.dim(2), C = x.dim(3), t = window.dim(1);
  for (int64_t h = top; h < std::min(top + t, H); ++h)
    for (int64_t w = left; w < std::min(left + t, W); ++w)
      for (int64_t c = 0; c < C; ++c)
        x.write<double>()[((b * H + h) * W + w) * C + c] = window.read<double>()[((h - top) * t + w - left) * C + c];
}

/// Compares a layer that routes windows with one of the same parameters that gets each window as a batch of one image:
/// y, dx, and the gradient of every parameter.
void check_against_loop(const std::vector<ExpertKind>& kinds, MoeConfig config, int64_t t, const Shape& shape) {
  const int64_t C = shape[3];
  const nn::Scope scope{.dtype = DType::f64, .seed = 5};
  Moe layer(scope, C, kinds, config);
  config.routing = Routing::image;
  Moe alone(scope, C, kinds, config);
  layer.train(false), alone.train(false);
  Tensor x = randn(shape, 2, DType::f64), dy = randn(shape, 3, DType::f64);
  Var in = Var::leaf(x);
  MoeOut out = layer.forward(in);
  backward(out.y, dy);

  Tensor y = zeros(shape, DType::f64), dx = zeros(shape, DType::f64);
  std::vector<int64_t> load(kinds.size());
  for (int64_t b = 0; b < shape[0]; ++b)
    for (int64_t top = 0; top < shape[1]; top += t)
      for (int64_t left = 0; left < shape[2]; left += t) {
        Var window = Var::leaf(window_of(x, b, top, left, t));
        MoeOut one = alone.forward(window);
        backward(one.y, window_of(dy, b, top, left, t));
        put_back(one.y.value(), y, b, top, left), put_back(window.grad(), dx, b, top, left);
        for (size_t e = 0; e < load.size(); ++e) load[e] += one.stats.load[e];
      }
  CHECK(out.stats.load == load);
  CHECK(largest_difference(out.y.value(), y) < 1e-12);
  CHECK(largest_difference(in.grad(), dx) < 1e-12);
  const auto got = layer.named_parameters(), want = alone.named_parameters();
  for (size_t i = 0; i < got.size(); ++i) {
    CAPTURE(got[i].name);
    REQUIRE(got[i].var.grad().defined() == want[i].var.grad().defined());
    if (got[i].var.grad().defined()) CHECK(largest_difference(got[i].var.grad(), want[i].var.grad()) < 1e-10);
  }
}

/// fc2(gelu(fc1(x))) as an ordinary expert.
struct Mlp : Expert {
  nn::Mlp net;
  Mlp(nn::Scope s, int64_t dim) : Expert(std::move(s)), net(sub("net"), dim, 2 * dim, nn::Init::uniform) {}
  Var forward(const Var& x) override { return net.forward(x); }
};

}  // namespace

TEST_CASE("windows are cut and put back, with zeros beyond the edges") {
  Tensor x = randn({2, 5, 7, 3}, 1, DType::f64);
  for (int64_t t : {1, 2, 3, 5, 8}) {
    CAPTURE(t);
    Var tiles = to_tiles(Var(x), t);
    const int64_t h = (5 + t - 1) / t, w = (7 + t - 1) / t;
    CHECK(tiles.shape() == Shape{2 * h * w, t, t, 3});
    for (int64_t r = 0; r < tiles.dim(0); ++r)
      CHECK(equal_bits(tiles.value().slice(r, r + 1), window_of(x, r / (h * w), r / w % h * t, r % w * t, t)));
    CHECK(equal_bits(from_tiles(tiles, x.shape()).value(), x));
  }
}

TEST_CASE("routing by tile equals a loop over windows as separate images, forward and backward") {
  for (GateKind gate : {GateKind::simple, GateKind::content_aware}) {
    const MoeConfig config{.chosen = 2, .routing = Routing::tile, .tile = 4, .gate = gate};
    check_against_loop(cod_experts(), config, 4, {2, 8, 4, 16});      // whole windows
    check_against_loop(cod_experts(), config, 4, {1, 7, 5, 16});      // beyond two edges
    check_against_loop(generic_experts(), config, 4, {1, 3, 9, 16});  // a tile higher than the map
  }
}

TEST_CASE("routing by pixel equals a loop over pixels, forward and backward") {
  const std::vector<ExpertKind> kinds(4, {"mlp", make_expert<Mlp>});
  check_against_loop(kinds, {.chosen = 2, .routing = Routing::pixel}, 1, {2, 3, 5, 8});
  CHECK_THROWS_AS(Moe(nn::Scope{}, 8, kinds, {.routing = Routing::tile, .tile = 0}), ConfigError);
}

TEST_CASE("a pool of MLPs equals plain loops over pixels") {
  constexpr size_t E = 4, C = 6, D = 5, K = 2;
  Moe layer(nn::Scope{.dtype = DType::f64, .seed = 5}, C, MlpPool{.experts = E, .hidden = D},
            {.chosen = K, .routing = Routing::pixel});
  const Tensor x = randn({2, 3, 4, C}, 2, DType::f64);
  const Numbers y = test::numbers(layer.forward(Var(x)).y.value()), in = test::numbers(x);
  const test::Parameters p = test::parameters_of(layer);
  auto times = [&](const std::string& name, size_t from, size_t out, const Numbers& v) {
    Numbers z(out);
    for (size_t o = 0; o < out; ++o) {
      z[o] = p.at(name + ".bias")[from * out + o];
      for (size_t i = 0; i < v.size(); ++i) z[o] += p.at(name + ".weight")[(from * out + o) * v.size() + i] * v[i];
    }
    return z;
  };
  for (size_t pixel = 0; pixel < 24; ++pixel) {
    const Numbers v(in.begin() + long(pixel * C), in.begin() + long((pixel + 1) * C));
    Numbers z = times("router.gate", 0, E, v), want = v;
    std::vector<std::pair<double, size_t>> best;
    for (size_t e = 0; e < E; ++e) best.push_back({-z[e], e});
    std::sort(best.begin(), best.end());
    double all = 0;
    for (size_t k = 0; k < K; ++k) all += std::exp(-best[k].first);
    for (size_t k = 0; k < K; ++k) {
      Numbers hidden = times("pool.fc1", best[k].second, D, v);
      for (double& h : hidden) h = test::gelu1(h);
      const Numbers f = times("pool.fc2", best[k].second, C, hidden);
      for (size_t c = 0; c < C; ++c) want[c] += std::exp(-best[k].first) / all * f[c];
    }
    for (size_t c = 0; c < C; ++c) CHECK(y[pixel * C + c] == doctest::Approx(want[c]).epsilon(1e-12));
  }
  layer.train(false);
  CHECK(test::gradient_error(layer, [&](const Var& v) { return layer.forward(v).y; }, {1, 3, 4, C}) < 1e-6);
}

TEST_CASE("one grouped product equals the products of the experts' slices bit for bit, also with empty slices") {
  MlpExperts pool(nn::Scope{.seed = 5}, 16, {.experts = 5, .hidden = 24});
  const std::vector<int64_t> begin = {0, 7, 7, 40, 41, 41};  // experts 1 and 4 have no rows
  Var x = Var::leaf(randn({41, 2, 3, 16}, 2));
  debug::CountMacs macs;
  Var y = pool.results(x, begin);
  CHECK(macs.count() == 41 * 6 * 2 * 16 * 24);
  backward(sum(square(y)));
  for (int64_t e = 0; e < 5; ++e) {
    const int64_t from = begin[size_t(e)], to = begin[size_t(e) + 1];
    auto matrix = [&](const Var& v) { return reshape(slice_rows(v, e, e + 1), {-1, v.dim(-1)}); };
    auto row = [&](const Var& v) { return reshape(slice_rows(v, e, e + 1), {-1}); };
    Var hidden = gelu(linear(slice_rows(x, from, to), matrix(pool.fc1.weight), row(pool.fc1.bias)));
    Var want = linear(hidden, matrix(pool.fc2.weight), row(pool.fc2.bias));
    CHECK(equal_bits(want.value(), y.value().slice(from, to)));
    if (from == to)
      for (const nn::Parameter& p : pool.named_parameters()) CHECK(sum_of_squares(p.var.grad().slice(e, e + 1)) == 0);
  }
}

TEST_CASE("a tile larger than the map is the map") {
  Tensor x = randn({2, 5, 7, 16}, 2);
  auto routed = [&](int64_t tile) {
    Moe layer(nn::Scope{.seed = 5}, 16, cod_experts(), {.routing = Routing::tile, .tile = tile});
    NoGrad no_grad;
    return layer.forward(Var(x)).y.value();
  };
  CHECK(equal_bits(routed(7), routed(4096)));
}
