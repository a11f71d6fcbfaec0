// Optimizers, the schedule, EMA, and parameters without gradient.
#include "nn/optim.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "nn/checking/unreached.h"
#include "nn/ema.h"
#include "nn/layers.h"
#include "nn/schedule.h"
#include "tensor/names.h"

using namespace camo;
using namespace camo::nn;

namespace {

struct Net : Module {
  Linear a, b;
  explicit Net(DType dtype = DType::f64)
      : Module(Scope{.dtype = dtype, .seed = 3}), a(sub("a"), 3, 4), b(sub("b"), 4, 2) {}
  Var forward(const Var& x) { return b.forward(tanh(a.forward(x))); }
};

NamedTensors copy(const NamedTensors& from) {
  NamedTensors out;
  for (const auto& [name, t] : from) out.emplace_back(name, t.clone());
  return out;
}
bool same(const NamedTensors& a, const NamedTensors& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (a[i].first != b[i].first || !equal_bits(a[i].second, b[i].second)) return false;
  return true;
}

/// Sets the gradient of a parameter.
void give(Var& p, double value) { p.set_grad(full(p.shape(), value, p.dtype())); }

void train_step(Net& net, Optimizer& optimizer, int step) {
  Var x(randn({5, 3}, uint64_t(step), DType::f64));
  backward(mean(square(net.forward(x) - 1.0)));
  optimizer.step(0.01);
}

}  // namespace

TEST_CASE("AdamW follows the formulas of its paper") {
  Net net;
  AdamW optimizer(net, {.beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3, .decay = 0.1});
  double w = net.a.weight.value().read<double>()[0], bias = net.a.bias.value().read<double>()[0], m = 0, v = 0;
  for (int t = 1; t <= 3; ++t) {
    double g = 0.5 * t, rate = 0.1 / t;
    give(net.a.weight, g), give(net.a.bias, g);
    CHECK(optimizer.step(rate).grad_norm == doctest::Approx(g * 4));  // 12 weights and 4 biases
    m = 0.8 * m + 0.2 * g, v = 0.9 * v + 0.1 * g * g;
    double move = rate * (m / (1 - std::pow(0.8, t))) / (std::sqrt(v / (1 - std::pow(0.9, t))) + 1e-3);
    w = w - rate * 0.1 * w - move;
    bias -= move;  // biases do not decay
    CHECK(net.a.weight.value().read<double>()[0] == doctest::Approx(w).epsilon(1e-12));
    CHECK(net.a.bias.value().read<double>()[0] == doctest::Approx(bias).epsilon(1e-12));
    CHECK_FALSE(net.a.weight.grad().defined());
  }
}

TEST_CASE("SGD with momentum and decay, rates and decay by group") {
  Net net;
  ParameterGroup second{.path = "b", .rate_scale = 0.5, .decay_scale = 0};
  Sgd optimizer(net, {.momentum = 0.9, .decay = 0.1, .groups = {second}});
  double a = net.a.weight.value().read<double>()[0], b = net.b.weight.value().read<double>()[0], va = 0, vb = 0;
  for (int t = 0; t < 3; ++t) {
    give(net.a.weight, 1), give(net.b.weight, 1);
    optimizer.step(0.1);
    va = 0.9 * va + 1 + 0.1 * a, a -= 0.1 * va;
    vb = 0.9 * vb + 1, b -= 0.05 * vb;
    CHECK(net.a.weight.value().read<double>()[0] == doctest::Approx(a).epsilon(1e-12));
    CHECK(net.b.weight.value().read<double>()[0] == doctest::Approx(b).epsilon(1e-12));
  }
}

TEST_CASE("a group's path matches whole parts of a name, anywhere in it") {
  struct Two : Module {
    List<Linear> router, out;
    Two() : Module(Scope{.dtype = DType::f64, .seed = 3}), router(sub("router")), out(sub("router_out")) {
      router.add(2, 2), out.add(2, 2);
    }
  } net;
  Sgd optimizer(net, {.groups = {{.path = "router", .rate_scale = 0.5}, {.path = "0.bias", .rate_scale = 0.25}}});
  std::vector<double> before, moved;
  for (const Parameter& p : net.named_parameters()) before.push_back(p.var.value().read<double>()[0]);
  for (Parameter p : net.named_parameters()) give(p.var, 1);
  optimizer.step(1);
  for (const Parameter& p : net.named_parameters())
    moved.push_back(std::round(1e9 * (before[moved.size()] - p.var.value().read<double>()[0])) / 1e9);
  CHECK(moved == std::vector<double>{0.5, 0.5, 1, 0.25});  // the first matching group applies
  CHECK_THROWS_AS(Sgd(net, {.groups = {{.path = ""}}}), ConfigError);
  CHECK_THROWS_AS(Sgd(net, {.groups = {{.path = "router", .clip = -1}}}), ConfigError);
}

TEST_CASE("a group's factor of the rate is the same at every step of a schedule") {
  Net net;
  AdamW optimizer(net, {.decay = 0, .groups = {{.path = "b", .rate_scale = 0.01}}});
  auto first = [](const Var& v) { return v.value().read<double>()[0]; };
  for (int64_t step = 0; step < 60; ++step) {
    const double a = first(net.a.weight), b = first(net.b.weight), g = std::cos(double(step));
    give(net.a.weight, g), give(net.b.weight, g);
    optimizer.step(cosine_with_warmup(step, 50, 10, 1e-2, 1e-4));
    CHECK((first(net.b.weight) - b) / (first(net.a.weight) - a) == doctest::Approx(0.01).epsilon(1e-9));
  }
}

TEST_CASE("a group's clip acts on its own gradients, before the clip of all gradients") {
  auto step = [](double of_group, double of_all, double a, double b) {  // b: 2 numbers, a: 4
    Net net;
    auto first = [](const Var& v) { return v.value().read<double>()[0]; };
    const double a0 = first(net.a.bias), b0 = first(net.b.bias);
    Sgd optimizer(net, {.clip = of_all, .groups = {{.path = "b", .clip = of_group}}});
    give(net.a.bias, a), give(net.b.bias, b);
    CHECK(optimizer.step(1).grad_norm == doctest::Approx(std::sqrt(4 * a * a + 2 * b * b)));  // before clipping
    return std::pair(a0 - first(net.a.bias), b0 - first(net.b.bias));
  };
  auto near = [](std::pair<double, double> moved, double a, double b) {
    CHECK(moved.first == doctest::Approx(a).epsilon(1e-12));
    CHECK(moved.second == doctest::Approx(b).epsilon(1e-12));
  };
  near(step(1, 0, 3, 4), 3, 1 / std::sqrt(2.0));
  near(step(10, 0, 3, 4), 3, 4);
  const double all = std::sqrt(4 * 9.0 + 1);  // the norm after the group was clipped to 1
  near(step(1, 2, 3, 4), 3 * 2 / all, 2 / all / std::sqrt(2.0));
  near(step(0, 2, 3, 4), 3 * 2 / std::sqrt(68.0), 4 * 2 / std::sqrt(68.0));
}

TEST_CASE("a parameter without gradient keeps its value and its step count") {
  Net net;
  AdamW optimizer(net, {.decay = 0.5});
  Tensor before = net.b.weight.value().clone();
  for (int t = 0; t < 2; ++t) give(net.a.weight, 1), optimizer.step(0.1);
  CHECK(equal_bits(before, net.b.weight.value()));
  give(net.a.weight, 1), give(net.b.weight, 1);
  optimizer.step(0.1);
  for (const auto& [name, t] : optimizer.state()) {
    if (name == "steps.a.weight") CHECK(item(t) == 3);
    if (name == "steps.b.weight") CHECK(item(t) == 1);
    CHECK(name != "steps.a.bias");
  }
}

TEST_CASE("frozen parameters do not change, and learn again when they are unfrozen") {
  Net net;
  Sgd optimizer(net);
  net.a.freeze();
  Tensor before = net.a.weight.value().clone();
  auto step = [&] {
    backward(sum(net.forward(Var(randn({5, 3}, 1, DType::f64)))));
    optimizer.step(0.1);
  };
  step();
  CHECK(equal_bits(before, net.a.weight.value()));
  net.a.freeze(false);
  step();
  CHECK_FALSE(equal_bits(before, net.a.weight.value()));
}

TEST_CASE("clipping scales all gradients to the given norm") {
  Net clipped, plain;
  Sgd a(clipped, {.clip = 1}), b(plain);
  give(clipped.a.bias, 3), give(clipped.b.bias, 4);  // norm sqrt(4 * 9 + 2 * 16)
  double norm = std::sqrt(68.0);
  give(plain.a.bias, 3 / norm), give(plain.b.bias, 4 / norm);
  CHECK(a.step(0.1).grad_norm == doctest::Approx(norm));
  b.step(0.1);
  for (auto [x, y] : {std::pair(clipped.a.bias, plain.a.bias), std::pair(clipped.b.bias, plain.b.bias)})
    CHECK(to_vector<double>(x.value())[0] == doctest::Approx(to_vector<double>(y.value())[0]).epsilon(1e-12));
  give(clipped.a.bias, 0.1);  // below the limit: unchanged
  double before = clipped.a.bias.value().read<double>()[0];
  a.step(0.1);
  CHECK(clipped.a.bias.value().read<double>()[0] == doctest::Approx(before - 0.01).epsilon(1e-12));
}

TEST_CASE("a non-finite gradient rejects the step before anything is written, and is named") {
  for (double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Net net;
    AdamW optimizer(net);
    train_step(net, optimizer, 1);
    NamedTensors weights = copy(state_dict(net)), moments = copy(optimizer.state());
    give(net.a.weight, 1), give(net.b.bias, 1);
    Tensor g = full(net.b.weight.shape(), 1, DType::f64);
    g.write<double>()[5] = bad;
    net.b.weight.set_grad(g);
    StepResult result = optimizer.step(0.1);
    CHECK_FALSE(result.accepted);
    CHECK(result.non_finite == "b.weight");
    CHECK_FALSE(std::isfinite(result.grad_norm));
    CHECK(same(weights, state_dict(net)));
    CHECK(same(moments, optimizer.state()));
    CHECK_FALSE(net.a.weight.grad().defined());
  }
}

TEST_CASE("an optimizer continues from saved state bit for bit") {
  Net straight, resumed;
  AdamW a(straight);
  for (int t = 0; t < 6; ++t) train_step(straight, a, t);
  NamedTensors weights, moments;
  {
    Net first;
    AdamW b(first);
    for (int t = 0; t < 3; ++t) train_step(first, b, t);
    weights = copy(state_dict(first)), moments = copy(b.state());
  }
  AdamW c(resumed);
  load_state_dict(resumed, weights);
  c.load_state(moments);
  for (int t = 3; t < 6; ++t) train_step(resumed, c, t);
  CHECK(same(state_dict(straight), state_dict(resumed)));
  CHECK(same(a.state(), c.state()));

  NamedTensors broken = copy(moments);
  broken[0].first = "first.nobody";
  CHECK_THROWS_WITH_AS(c.load_state(broken), "optimizer state: first.nobody has no place in this optimizer and model",
                       WeightsError);
  broken = copy(moments);
  broken.erase(broken.begin());
  CHECK_THROWS_AS(c.load_state(broken), WeightsError);
  CHECK(same(a.state(), c.state()));  // a rejected state changes nothing
}

TEST_CASE("the schedule warms up, reaches its peak, and ends at its floor") {
  CHECK(cosine_with_warmup(0, 100, 10, 1.0) == doctest::Approx(0.1));
  CHECK(cosine_with_warmup(9, 100, 10, 1.0) == doctest::Approx(1));
  CHECK(cosine_with_warmup(10, 100, 10, 1.0) == doctest::Approx(1));
  CHECK(cosine_with_warmup(55, 100, 10, 1.0, 0.2) == doctest::Approx(0.6));
  CHECK(cosine_with_warmup(100, 100, 10, 1.0, 0.2) == doctest::Approx(0.2));
  CHECK(cosine_with_warmup(500, 100, 10, 1.0, 0.2) == doctest::Approx(0.2));
  CHECK(cosine_with_warmup(0, 0, 0, 1.0) == doctest::Approx(1));
}

TEST_CASE("every shape of the rate rises, falls as its formula says, and ends at the floor or above") {
  const int64_t steps = 110, warmup = 10;
  RateSchedule rate{.steps = steps, .warmup = warmup, .peak = 2, .floor = 0.5};
  for (Decay decay : {Decay::cosine, Decay::restarts, Decay::polynomial, Decay::step, Decay::constant}) {
    CAPTURE(name_of(decay));
    rate.decay = decay, rate.cycle = 25, rate.growth = 3, rate.every = 30, rate.factor = 0.5, rate.power = 2;
    CHECK(rate.at(0) == doctest::Approx(0.2));
    CHECK(rate.at(9) == doctest::Approx(2));
    CHECK(rate.at(10) == doctest::Approx(2));
    for (int64_t step = 10; step < steps; ++step) CHECK(rate.at(step) >= 0.5);
  }
  rate.decay = Decay::restarts;  // cycles of 25 and 75 steps
  CHECK(rate.at(10 + 24) < 0.51);
  CHECK(rate.at(10 + 25) == doctest::Approx(2));
  CHECK(rate.at(10 + 25 + 37) == doctest::Approx(0.5 + 1.5 * 0.5 * (1 + std::cos(std::numbers::pi * 37 / 75))));
  CHECK(rate.at(10 + 100) == doctest::Approx(2));
  rate.decay = Decay::polynomial;
  CHECK(rate.at(60) == doctest::Approx(0.5 + 1.5 * 0.25));
  CHECK(rate.at(110) == doctest::Approx(0.5));
  rate.decay = Decay::step;
  CHECK(rate.at(10 + 29) == 2);
  CHECK(rate.at(10 + 30) == 1);
  CHECK(rate.at(10 + 60) == 0.5);
  CHECK(rate.at(10 + 90) == 0.5);  // the floor
  rate.decay = Decay::constant;
  CHECK(rate.at(109) == 2);
}

TEST_CASE("EMA warms up, swaps in and out, and survives a save") {
  BatchNorm bn(Scope{.dtype = DType::f64}, 2);
  Ema average(bn, 0.9);
  double mean = 1;
  for (int t = 0; t < 40; ++t) {
    fill(bn.weight.value(), t);
    bn.num_batches_tracked.value = full({}, t, DType::i64);
    average.update();
    double d = std::min(0.9, (1.0 + t) / (10.0 + t));
    mean = d * mean + (1 - d) * t;
  }
  NamedTensors raw = copy(state_dict(bn));
  {
    UseEma scope(average);
    CHECK(bn.weight.value().read<double>()[0] == doctest::Approx(mean).epsilon(1e-12));
    CHECK(item(bn.num_batches_tracked.value) == 39);
    CHECK_THROWS_AS(average.update(), GraphError);
  }
  CHECK(same(raw, state_dict(bn)));

  NamedTensors saved = copy(average.state());
  BatchNorm other(Scope{.dtype = DType::f64}, 2);
  Ema again(other, 0.9);
  NamedTensors untouched = copy(state_dict(other));
  again.load_state(saved, average.updates());
  CHECK(same(saved, again.state()));
  CHECK(same(untouched, state_dict(other)));
  CHECK(again.updates() == 40);
  saved.pop_back();
  CHECK_THROWS_AS(again.load_state(saved, 1), WeightsError);
  CHECK_FALSE(again.swapped());
  CHECK(again.updates() == 40);
}

TEST_CASE("a parameter without gradient in the window is listed, a frozen one is not") {
  Net net;
  GradientWindow window;
  CHECK_THROWS_AS(nn::unreached(net, window), GraphError);
  for (int t = 0; t < 3; ++t) {
    give(net.a.weight, 1);
    if (t == 1) give(net.a.bias, 0);  // one step is enough, and a gradient of zero counts
    window.observe(net);
    zero_grad(net);
  }
  CHECK(window.count("a.weight") == 3);
  CHECK(nn::unreached(net, window) == std::vector<std::string>{"b.weight", "b.bias"});
  net.b.freeze();
  CHECK(nn::unreached(net, window).empty());
}
