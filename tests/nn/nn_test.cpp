// Layers: initial values, running statistics, names.  layers_test.cpp tests what all layers have in common.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "autograd/checkpoint.h"
#include "autograd/node.h"
#include "nn/backbone.h"
#include "nn/layers.h"
#include "tensor/nearest.h"

using namespace camo;
using namespace camo::nn;

namespace {

Scope scope64(uint64_t seed = 1) { return {.dtype = DType::f64, .seed = seed}; }

}  // namespace

TEST_CASE("part of a fused projection equals those rows of the whole") {
  Linear fused(scope64(), 5, 9);
  Var x(randn({4, 5}, 2, DType::f64));
  Tensor whole = fused.forward(x).value(), part = fused.forward_rows(x, 3, 7).value();
  for (int64_t r = 0; r < 4; ++r)
    for (int64_t c = 0; c < 4; ++c)
      CHECK(part.read<double>()[r * 4 + c] == doctest::Approx(whole.read<double>()[r * 9 + c + 3]));
}

TEST_CASE("layer scale folded into a projection scales its output") {
  Linear layer(scope64(), 5, 9);
  Var x(randn({4, 5}, 2, DType::f64)), gain(randn({9}, 3, DType::f64));
  Tensor folded = layer.forward_scaled(x, gain).value(), apart = (layer.forward(x) * gain).value();
  for (int64_t i = 0; i < 36; ++i)
    CHECK(folded.read<double>()[i] == doctest::Approx(apart.read<double>()[i]).epsilon(1e-14));
}

TEST_CASE("drop_path rates grow from 0 in the first block to the full rate in the last") {
  CHECK(drop_path_rates(0.6, {2, 1, 0, 4}) ==
        std::vector<std::vector<double>>{
            {0, 0.6 * 1 / 6}, {0.6 * 2 / 6}, {}, {0.6 * 3 / 6, 0.6 * 4 / 6, 0.6 * 5 / 6, 0.6}});
  CHECK(drop_path_rates(0.6, {1})[0] == std::vector<double>{0});
}

TEST_CASE("initial values depend on seed and path, not on other modules") {
  struct One : Module {
    Linear b;
    explicit One(Scope s) : Module(std::move(s)), b(sub("b"), 4, 3) {}
  };
  struct Two : Module {
    Linear a, b;
    explicit Two(Scope s) : Module(std::move(s)), a(sub("a"), 4, 3), b(sub("b"), 4, 3) {}
  };
  One one(Scope{.seed = 5});
  Two two(Scope{.seed = 5}), other(Scope{.seed = 6});
  CHECK(equal_bits(one.b.weight.value(), two.b.weight.value()));
  CHECK(equal_bits(one.b.bias.value(), two.b.bias.value()));
  CHECK_FALSE(equal_bits(two.a.weight.value(), two.b.weight.value()));
  CHECK_FALSE(equal_bits(two.b.weight.value(), other.b.weight.value()));
}

TEST_CASE("initial standard deviations are those of the sources") {
  auto spread = [](const Tensor& x) {
    double square = 0, largest = 0;
    for (double v : to_vector<double>(x)) square += v * v, largest = std::max(largest, std::abs(v));
    return std::pair(std::sqrt(square / double(x.numel())), largest);
  };
  RandomKey key{.seed = 3};
  CHECK(spread(init_weight(Init::trunc_normal)({300, 200}, key, DType::f32)).first ==
        doctest::Approx(0.02).epsilon(0.02));
  CHECK(spread(init_bias(Init::trunc_normal, {300, 200})({300}, key, DType::f32)).second == 0);
  auto [tf_rms, tf_largest] = spread(init_weight(Init::trunc_normal_tf)({300, 200}, key, DType::f32));
  CHECK(tf_largest <= 0.04f);
  CHECK(tf_rms == doctest::Approx(0.02 * 0.8796).epsilon(0.02));  // of a normal distribution truncated at two sigmas
  // 64 filters of 3 x 3 in 4 groups: fan_out = 9 * 64 / 4
  CHECK(spread(init_weight(Init::fan_out, 4)({64, 3, 3, 50}, key, DType::f32)).first ==
        doctest::Approx(std::sqrt(2.0 / 144)).epsilon(0.02));
  auto [rms, largest] = spread(init_weight(Init::uniform)({300, 3, 3, 4}, key, DType::f32));
  CHECK(largest <= 1 / 6.0 + 1e-7);
  CHECK(rms == doctest::Approx(1 / 6.0 / std::sqrt(3)).epsilon(0.02));
  auto [cut_rms, cut] = spread(trunc_normal({20000}, key, 1, -1, 1, DType::f64));
  CHECK(cut <= 1);
  CHECK(cut_rms == doctest::Approx(0.5396).epsilon(0.02));  // of a standard normal distribution truncated at one sigma
}

TEST_CASE("batch norm stages running statistics as PyTorch computes them") {
  BatchNorm bn(scope64(), 2);
  Tensor x = from<double>({1, 10, 2, 20, 3, 60}, {3, 2});  // means 2 and 30, unbiased variances 1 and 700
  bn.forward(Var(x));
  CHECK(item(bn.num_batches_tracked.value) == 0);
  CHECK(to_vector<double>(bn.running_mean.value) == std::vector<double>{0, 0});
  bn.forward(Var(x));  // a second micro-step continues from the first
  commit(bn);
  CHECK(item(bn.num_batches_tracked.value) == 2);
  auto mean = to_vector<double>(bn.running_mean.value), variance = to_vector<double>(bn.running_var.value);
  CHECK(mean[0] == doctest::Approx(0.9 * 0.2 + 0.2));
  CHECK(mean[1] == doctest::Approx(0.9 * 3 + 3));
  CHECK(variance[0] == doctest::Approx(0.9 * (0.9 + 0.1) + 0.1));
  CHECK(variance[1] == doctest::Approx(0.9 * (0.9 + 70) + 70));

  bn.forward(Var(x));
  discard(bn);
  CHECK(item(bn.num_batches_tracked.latest()) == 2);
  bn.train(false);
  auto y = to_vector<double>(bn.forward(Var(x)).value());
  CHECK(y[0] == doctest::Approx((1 - mean[0]) / std::sqrt(variance[0] + 1e-5)));
  CHECK_FALSE(bn.running_mean.staged.defined());
}

TEST_CASE("a checkpointed batch norm updates its statistics once") {
  BatchNorm bn(scope64(), 3);
  Var x = Var::leaf(randn({8, 3}, 4, DType::f64));
  backward(sum(square(checkpoint([&](const Vars& v) { return bn.forward(v[0]); }, {x}))));
  CHECK(item(bn.num_batches_tracked.latest()) == 1);
  CHECK(bn.weight.grad().defined());
}

TEST_CASE("dropout draws anew every micro-step and repeats when recomputed") {
  Dropout drop(Scope{.seed = 2}, 0.5);
  Var x = Var::leaf(ones({64}));
  Tensor a = drop.forward(x).value(), b = drop.forward(x).value();
  CHECK_FALSE(equal_bits(a, b));
  drop.state().next_micro_step();
  CHECK_FALSE(equal_bits(a, drop.forward(x).value()));
  Var y = checkpoint([&](const Vars& v) { return drop.forward(v[0]); }, {x});
  backward(sum(y));
  CHECK(equal_bits(y.value(), x.grad()));  // x is 1, so value and derivative are the same mask
  drop.train(false);
  CHECK(equal_bits(drop.forward(x).value(), x.value()));
}

TEST_CASE("a parameter that is frozen and unfrozen keeps its name in the graph") {
  Mlp net(scope64(), 3, 4);
  net.freeze();
  CHECK_FALSE(net.fc1.weight.wants_grad());
  for (const Parameter& p : net.named_parameters()) CHECK(p.frozen);
  net.freeze(false);
  CHECK(std::string(net.fc1.weight.node()->op) == "weight");
  CHECK(std::string(net.fc2.bias.node()->op) == "bias");
}

TEST_CASE("layers refuse sizes that cannot be built") {
  CHECK_THROWS_WITH_AS(Attention(Scope{}, 10, 3), "Attention: 3 heads must divide 10 channels", ConfigError);
  CHECK_THROWS_WITH_AS(Conv2d(Scope{}, 6, 8, 3, {.groups = 4}),
                       "Conv2d: 4 groups must divide 6 input and 8 output channels", ConfigError);
  CHECK_THROWS_AS(backbone("pvt_v2_b0", Scope{}, {.drop_path = 1.5}), ConfigError);
}

TEST_CASE("an unknown backbone raises an error with the nearest name and all names") {
  try {
    backbone("pvtv2_b2", Scope{});
    FAIL("no error");
  } catch (const ConfigError& e) {
    std::string what = e.what();
    CHECK(what.starts_with("backbone: no 'pvtv2_b2', nearest: pvt_v2_b2  [one of pvt_v2_b0, "));
  }
  CHECK(nearest("trian", {"eval", "train", "predict"}) == "train");
  CHECK(nearest("zzz", {"eval", "train"}).empty());
  CHECK(nearest("swin_tiny_patch4_window7_224", {"swin", "swin_tiny", "swin_small"}) == "swin_tiny");
}
