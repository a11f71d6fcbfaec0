// Gates, the settings of the router, and balancing.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/checkpoint.h"
#include "moe/moe.h"
#include "moe/verify/verify.h"
#include "nn/checking/layer_case.h"
#include "nn/optim.h"
#include "tests/moe/naive_map.h"

using namespace camo;
using namespace camo::moe;
using test::Map, test::Numbers, test::Parameters, test::each;

namespace {

/// The definition of both gates: one image -> E logits.
Numbers logits_of(const Parameters& p, const Map& x, bool content_aware) {
  const Map average = adaptive(x, 1, 1);
  if (!content_aware) return linear(p, "gate", average).v;
  Map most(1, 1, x.C);
  for (int c = 0; c < x.C; ++c) {
    most.at(0, 0, c) = x.at(0, 0, c);
    for (int h = 0; h < x.H; ++h)
      for (int w = 0; w < x.W; ++w) most.at(0, 0, c) = std::max(most.at(0, 0, c), x.at(h, w, c));
  }
  Map near = conv(x, p.at("views.spatial.weight"), p.at("views.spatial.bias"), x.C / 4, 3, 1, x.C / 4);
  near = each(near, test::gelu1);
  Map features = test::side_by_side({adaptive(near, 1, 1), each(linear(p, "views.channel", average), test::gelu1),
                                     each(linear(p, "views.max", most), test::gelu1)});
  return linear(p, "gate", each(linear(p, "views.mix", features), test::gelu1)).v;
}

/// A router with given logits: rows are one-hot, and the columns of the gate are the logits.
struct Fixed {
  Router router;
  Var x;
  Fixed(const Numbers& logits, int64_t experts, const MoeConfig& config)
      : router(nn::Scope{.dtype = DType::f64, .seed = 1}, int64_t(logits.size()) / experts, experts, config) {
    const int64_t rows = int64_t(logits.size()) / experts;
    Tensor identity = zeros({rows, rows}, DType::f64), w = router.gate.weight.value(), b = router.gate.bias.value();
    for (int64_t r = 0; r < rows; ++r) {
      identity.write<double>()[r * rows + r] = 1;
      for (int64_t e = 0; e < experts; ++e) w.write<double>()[e * rows + r] = logits[size_t(r * experts + e)];
    }
    for (int64_t e = 0; e < experts; ++e) b.write<double>()[e] = 0;
    x = Var(identity);
  }
  Route route() { return router.forward(x); }
};

/// Makes the gate send every image to experts 0 and 1, unless the balance changes that.
void favour_first_two(Router& router, float by) {
  Tensor bias = router.gate.bias.value();
  for (int64_t e = 0; e < router.experts; ++e) bias.write<float>()[e] = e < 2 ? by : 0.f;
}

}  // namespace

TEST_CASE("both gates equal their definition, and their gradients equal finite differences") {
  for (GateKind gate : {GateKind::simple, GateKind::content_aware}) {
    const bool content_aware = gate == GateKind::content_aware;
    CAPTURE(content_aware);
    for (DType dtype : {DType::f32, DType::f64}) {
      Router router(nn::Scope{.dtype = dtype, .seed = 3}, 12, 5, {.chosen = 2, .gate = gate});
      router.train(false);
      Tensor x = randn({3, 5, 4, 12}, 2, dtype);
      const Numbers got = test::numbers(router.forward(Var(x)).logits.value());
      const Parameters p = test::parameters_of(router);
      for (int64_t b = 0; b < 3; ++b) {
        const Numbers want = logits_of(p, Map(5, 4, 12, test::numbers(x.slice(b, b + 1))), content_aware);
        for (size_t e = 0; e < 5; ++e) CHECK(std::abs(got[size_t(b) * 5 + e] - want[e]) < 1e-6);
      }
      if (dtype != DType::f64) continue;
      auto logits = [&](const Var& in) { return router.forward(in).logits; };
      CHECK(test::gradient_error(router, logits, {2, 4, 3, 12}) < 1e-6);
    }
  }
  CHECK_THROWS_AS(Router(nn::Scope{}, 10, 4, {.gate = GateKind::content_aware}), ConfigError);
}

TEST_CASE("gates have exactly the number of parameters in their table") {
  struct Row {
    int64_t dim, content_aware, simple;
  };
  for (const Row& r : {Row{80, 6707, 567}, Row{160, 24607, 1127}, Row{288, 76543, 2023}, Row{584, 306461, 4095},
                       Row{64, 4471, 455}, Row{128, 16103, 903}, Row{320, 94007, 2247}, Row{512, 236423, 3591}}) {
    CHECK(Router(nn::Scope{}, r.dim, 7, {.gate = GateKind::content_aware}).parameter_count() == r.content_aware);
    CHECK(Router(nn::Scope{}, r.dim, 7).parameter_count() == r.simple);
  }
}

TEST_CASE("weights are the softmax of the chosen logits, after clamp and temperature") {
  const Numbers z = {1, 3, -2, 8, /**/ 0, -6, 2, 1};
  auto expect = [](const Route& route, const Numbers& logits) {
    CHECK(to_vector<int64_t>(route.expert) == std::vector<int64_t>{3, 1, 2, 3});
    CHECK(test::numbers(route.logits.value()) == logits);
    for (int64_t r = 0; r < 2; ++r) {
      const int64_t* e = route.expert.read<int64_t>() + 2 * r;
      const double* w = route.weight.value().read<double>() + 2 * r;
      const double a = std::exp(logits[size_t(r * 4 + e[0])]), b = std::exp(logits[size_t(r * 4 + e[1])]);
      CHECK(w[0] == doctest::Approx(a / (a + b)).epsilon(1e-12));
      CHECK(w[1] == doctest::Approx(b / (a + b)).epsilon(1e-12));
    }
  };
  for (Weights weights : {Weights::chosen, Weights::all}) {
    expect(Fixed(z, 4, {.chosen = 2, .weights = weights}).route(), z);
    expect(Fixed(z, 4, {.chosen = 2, .weights = weights, .temperature = 2}).route(), {.5, 1.5, -1, 4, 0, -3, 1, .5});
    expect(Fixed(z, 4, {.chosen = 2, .weights = weights, .clamp = 4}).route(), {1, 3, -2, 4, 0, -4, 2, 1});
  }
  for (MoeConfig bad : {MoeConfig{.chosen = 5}, MoeConfig{.temperature = 0}, MoeConfig{.clamp = -1},
                        MoeConfig{.noise = -1}, MoeConfig{.leak = 2}, MoeConfig{.warmup = -1}})
    CHECK_THROWS_AS(Router(nn::Scope{}, 8, 4, bad), ConfigError);
}

TEST_CASE("the balance is added to logits or probabilities for the choice, but not for the weights") {
  constexpr size_t R = 40, E = 5, K = 2;
  const Numbers z = test::numbers(randn({R, E}, 3, DType::f64)), b = {0, .1, -.1, .3, -.3};
  for (Weights weights : {Weights::chosen, Weights::all}) {
    Fixed fixed(z, E, {.chosen = K, .weights = weights});
    fixed.router.balance.value = from<double>(b, {int64_t(E)});
    const Route route = fixed.route();
    for (size_t r = 0; r < R; ++r) {
      Numbers score(E), e(E);
      double all = 0;
      for (size_t i = 0; i < E; ++i) all += e[i] = std::exp(z[r * E + i]);
      for (size_t i = 0; i < E; ++i) score[i] = (weights == Weights::all ? e[i] / all : z[r * E + i]) + b[i];
      const size_t first = size_t(std::max_element(score.begin(), score.end()) - score.begin());
      score[first] = -1e9;
      const size_t second = size_t(std::max_element(score.begin(), score.end()) - score.begin());
      CHECK(route.expert.read<int64_t>()[r * K] == int64_t(first));
      CHECK(route.expert.read<int64_t>()[r * K + 1] == int64_t(second));
      const double w = route.weight.value().read<double>()[r * K];
      CHECK(w == doctest::Approx(e[first] / (e[first] + e[second])).epsilon(1e-12));
    }
  }
}

TEST_CASE("noise changes the choice only in training, anew at each micro-step, and equally in a recomputation") {
  Router router(nn::Scope{.seed = 3}, 16, 4, {.chosen = 2, .noise = 1, .balancing = Balancing::none});
  Var x(randn({500, 16}, 1));
  auto choice = [&] { return to_vector<int64_t>(router.forward(x).expert); };
  router.train(false);
  const std::vector<int64_t> quiet = choice();
  CHECK(choice() == quiet);
  router.train(true);
  router.state().next_micro_step();
  const std::vector<int64_t> once = choice();
  CHECK(once != quiet);
  CHECK(choice() != once);  // a second call in the same step
  router.state().next_micro_step();
  CHECK(choice() != once);
  router.state().micro_step -= 2, router.state().next_micro_step();
  CHECK(choice() == once);

  std::vector<std::vector<int64_t>> seen;
  auto weight = [&](const Vars& in) {
    const Route route = router.forward(in[0]);
    seen.push_back(to_vector<int64_t>(route.expert));
    return route.weight;
  };
  Var y = checkpoint(weight, {x});
  backward(sum(square(y)));
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == seen[1]);
  const Route route = router.forward(x);  // the weights come from the logits without noise
  CHECK(equal_bits(route.weight.value(), softmax(take_along(route.logits.value(), route.expert))));
}

TEST_CASE("the z-loss is the mean of logsumexp squared, before temperature and clamp") {
  const Numbers z = {1, 3, -2, 8, /**/ 0, -6, 2, 1};
  Fixed fixed(z, 4, {.temperature = 3, .clamp = 1, .z_loss = 0.5});
  double want = 0;
  for (size_t r = 0; r < 2; ++r) {
    double s = 0;
    for (size_t e = 0; e < 4; ++e) s += std::exp(z[r * 4 + e]);
    want += 0.5 * std::log(s) * std::log(s) / 2;
  }
  CHECK(item(fixed.route().aux_loss.value()) == doctest::Approx(want).epsilon(1e-12));
  auto loss = [&] { return fixed.route().aux_loss; };
  CHECK(test::gradient_error(loss, {fixed.router.gate.weight, fixed.router.gate.bias}) < 1e-6);
  CHECK(!Fixed(z, 4, {}).route().aux_loss.defined());
}

namespace {

/// E sum_e fraction_e mean p_e, for the choices of a route or for given counts.
double auxiliary_by_loops(const Route& route, Numbers counts = {}) {
  const size_t R = size_t(route.logits.dim(0)), E = size_t(route.logits.dim(1));
  const Numbers z = test::numbers(route.logits.value());
  if (counts.empty()) {
    counts.resize(E);
    for (int64_t e : to_vector<int64_t>(route.expert)) counts[size_t(e)] += 1;
  }
  double all = 0, total = 0;
  for (double n : counts) all += n;
  for (size_t r = 0; r < R; ++r) {
    double sum_exp = 0;
    for (size_t e = 0; e < E; ++e) sum_exp += std::exp(z[r * E + e]);
    for (size_t e = 0; e < E; ++e) total += counts[e] / all * std::exp(z[r * E + e]) / sum_exp / double(R);
  }
  return double(E) * total;
}

}  // namespace

TEST_CASE("the auxiliary loss is E sum fraction mean probability; the fraction is a constant for the gradient") {
  const Numbers z = test::numbers(randn({9, 4}, 5, DType::f64));
  Fixed fixed(z, 4, {.balancing = Balancing::auxiliary, .auxiliary = 0.25});
  fixed.router.train(false);
  const Route route = fixed.route();
  CHECK(item(route.aux_loss.value()) == doctest::Approx(0.25 * auxiliary_by_loops(route)).epsilon(1e-12));
  auto loss = [&] { return fixed.route().aux_loss; };  // finite differences are too small to change the choices
  CHECK(test::gradient_error(loss, {fixed.router.gate.weight, fixed.router.gate.bias}) < 1e-6);
}

TEST_CASE("the auxiliary loss counts the last step and this micro-batch, and its coefficient warms up per step") {
  Router router(nn::Scope{.dtype = DType::f64, .seed = 3}, 8, 4,
                {.balancing = Balancing::auxiliary, .auxiliary = 0.3, .warmup = 3});
  Numbers last(4);
  for (int step = 0; step < 5; ++step) {
    Numbers all(4);
    const double coefficient = 0.3 * std::min(1.0, (step + 1) / 3.0);
    for (uint64_t micro = 0; micro < 3; ++micro) {
      const Route route = router.forward(Var(randn({5, 8}, 10 * uint64_t(step) + micro, DType::f64)));
      Numbers counts = last;
      for (int64_t e : to_vector<int64_t>(route.expert)) counts[size_t(e)] += 1, all[size_t(e)] += 1;
      CHECK(item(route.aux_loss.value()) ==
            doctest::Approx(coefficient * auxiliary_by_loops(route, counts)).epsilon(1e-12));
    }
    if (step == 1) {
      nn::discard(router);  // a step that is discarded does not count
      const Route route = router.forward(Var(randn({5, 8}, 1, DType::f64)));
      all.assign(4, 0);
      for (int64_t e : to_vector<int64_t>(route.expert)) all[size_t(e)] += 1;
    }
    nn::commit(router);
    last = all;
  }
  CHECK(sum_of_squares(router.balance.value) == 0);
}

TEST_CASE("the auxiliary coefficient stays at its floor for the delay, then rises linearly to its weight") {
  Router router(nn::Scope{.dtype = DType::f64, .seed = 3}, 8, 4,
                {.balancing = Balancing::auxiliary, .auxiliary = 0.5, .warmup = 4, .delay = 2, .floor = 0.1});
  for (double coefficient : {0.1, 0.1, 0.2, 0.3, 0.4, 0.5, 0.5}) {
    Numbers counts(4);
    const Route route = router.forward(Var(randn({6, 8}, 5, DType::f64)));
    for (int64_t e : to_vector<int64_t>(route.expert)) counts[size_t(e)] += 1;
    CHECK(item(route.aux_loss.value()) ==
          doctest::Approx(coefficient * auxiliary_by_loops(route, counts)).epsilon(1e-12));
    nn::commit(router);
  }
}

TEST_CASE("the entropy loss is log E - mean entropy of softmax(logits), with the gradient of finite differences") {
  const Numbers z = {2, 0.5, -1, 0.3, /**/ 0, 0, 0, 0, /**/ 5, -5, 1, 0};
  Fixed fixed(z, 4, {.balancing = Balancing::none, .entropy = 0.7});
  double mean = 0;
  for (size_t r = 0; r < 3; ++r) {
    double all = 0, entropy = 0;
    for (size_t e = 0; e < 4; ++e) all += std::exp(z[4 * r + e]);
    for (size_t e = 0; e < 4; ++e) entropy -= std::exp(z[4 * r + e]) / all * (z[4 * r + e] - std::log(all));
    mean += entropy / 3;
  }
  CHECK(item(fixed.route().aux_loss.value()) == doctest::Approx(0.7 * (std::log(4.0) - mean)).epsilon(1e-12));
  Router router(nn::Scope{.dtype = DType::f64, .seed = 3}, 6, 4, {.entropy = 0.7});
  router.train(false);
  const Tensor x = randn({5, 6}, 1, DType::f64);
  const Var weight = router.gate.weight;
  backward(router.forward(Var(x)).aux_loss);
  const Tensor gradient = weight.grad().clone();
  Tensor value = weight.value();
  for (int64_t i : {0, 7, 23}) {
    const double before = value.read<double>()[i], h = 1e-5;
    double side[2];
    for (int s : {0, 1}) {
      value.write<double>()[i] = before + (s ? h : -h);
      side[s] = item(router.forward(Var(x)).aux_loss.value());
    }
    value.write<double>()[i] = before;
    CHECK(gradient.read<double>()[i] == doctest::Approx((side[1] - side[0]) / (2 * h)).epsilon(1e-6));
  }
}

TEST_CASE("the balance stays within its limit, and may follow an average of the load") {
  Fixed limited({9, 8, 0, 0, /**/ 9, 8, 0, 0}, 4, {.balancing = Balancing::sign, .rate = 0.4, .limit = 1});
  for (int step = 0; step < 5; ++step) limited.route(), nn::commit(limited.router);
  CHECK(to_vector<double>(limited.router.balance.value) == std::vector<double>{-1, -1, 1, 1});

  Fixed averaged({9, 8, 0, 0, /**/ 9, 8, 0, 0}, 4,
                 {.balancing = Balancing::proportional, .rate = 0.1, .average = 0.75});
  Numbers usage(4), balance(4);
  for (int step = 0; step < 4; ++step) {
    averaged.route(), nn::commit(averaged.router);
    double all = 0;
    for (size_t e = 0; e < 4; ++e) all += usage[e] = 0.75 * usage[e] + 0.25 * (e < 2 ? 2 : 0);
    for (size_t e = 0; e < 4; ++e) balance[e] += 0.1 * (all - 4 * usage[e]) / all;
    for (size_t e = 0; e < 4; ++e) {
      CHECK(averaged.router.usage->value.read<double>()[e] == doctest::Approx(usage[e]));
      CHECK(averaged.router.balance.value.read<double>()[e] == doctest::Approx(balance[e]));
    }
  }
  // Few choices and a slow average: a fraction of a choice still moves the balance by the whole rate.
  Fixed slow({9, 8, 0, 0}, 4, {.balancing = Balancing::sign, .rate = 0.25, .average = 0.95});
  slow.route(), nn::commit(slow.router);
  CHECK(to_vector<double>(slow.router.balance.value) == std::vector<double>{-0.25, -0.25, 0.25, 0.25});
  for (Balancing balancing : {Balancing::sign, Balancing::proportional}) {
    Moe layer(nn::Scope{.seed = 5}, 16, cod_experts(), {.balancing = balancing, .average = 0.95});
    CHECK(failed(verify_layer(layer, randn({3, 5, 5, 16}, 2))).empty());
  }
  for (MoeConfig bad :
       {MoeConfig{.limit = -1}, MoeConfig{.average = 1}, MoeConfig{.delay = -1}, MoeConfig{.entropy = -1}})
    CHECK_THROWS_AS(Router(nn::Scope{}, 8, 4, bad), ConfigError);
}

TEST_CASE("proportional balancing moves by the relative error and decays by the leak") {
  Fixed fixed({9, 8, 0, 0, /**/ 9, 0, 8, 0}, 4, {.balancing = Balancing::proportional, .rate = 0.1, .leak = 0.25});
  Numbers want(4);
  for (int step = 0; step < 3; ++step) {
    fixed.route(), fixed.route();  // two micro-batches: loads 4, 2, 2, 0, mean 2
    nn::commit(fixed.router);
    const Numbers error = {-1, 0, 0, 1};
    for (size_t e = 0; e < 4; ++e) want[e] = 0.75 * want[e] + 0.1 * error[e];
    for (size_t e = 0; e < 4; ++e)
      CHECK(fixed.router.balance.value.read<double>()[e] == doctest::Approx(want[e]).epsilon(1e-12));
  }
}

TEST_CASE("both measures of the load are reported, whatever the balancing") {
  for (Balancing balancing : {Balancing::none, Balancing::sign, Balancing::proportional, Balancing::auxiliary}) {
    Moe layer(nn::Scope{.seed = 5}, 8, MlpPool{.experts = 6, .hidden = 4}, {.chosen = 2, .balancing = balancing});
    const MoeOut out = layer.forward(Var(randn({50, 8}, 2)));
    double worst = 0;
    for (int64_t n : out.stats.load) worst = std::max(worst, std::abs(double(n) - 100 / 6.0) / (100 / 6.0));
    CHECK(out.stats.load_error == doctest::Approx(worst));
    CHECK(item(out.stats.auxiliary) == doctest::Approx(auxiliary_by_loops(out.route)).epsilon(1e-5));
  }
}

TEST_CASE("a load that starts on two of six experts becomes even within 600 steps, with either balancing") {
  for (Balancing balancing : {Balancing::sign, Balancing::proportional, Balancing::auxiliary}) {
    CAPTURE(int(balancing));
    Router router(nn::Scope{.seed = 5}, 16, 6, {.chosen = 2, .balancing = balancing});
    favour_first_two(router, 2);
    nn::AdamW optimizer(router, {.decay = 0});
    auto load_of = [&](uint64_t step) {
      const Route route = router.forward(Var(randn({32, 16}, step)));
      if (route.aux_loss.defined()) backward(route.aux_loss);
      optimizer.step(1e-2);
      nn::commit(router);
      return make_plan(route.expert, 6).load();
    };
    CHECK(load_of(1) == std::vector<int64_t>{32, 32, 0, 0, 0, 0});
    for (uint64_t s = 2; s <= 500; ++s) load_of(s);
    std::vector<double> load(6);  // a single batch of 32 is mostly chance, so the last 100 steps are added up
    for (uint64_t s = 501; s <= 600; ++s) {
      const std::vector<int64_t> one = load_of(s);
      for (size_t e = 0; e < 6; ++e) load[e] += double(one[e]);
    }
    const double even = 32 * 2 * 100 / 6.0;
    for (double n : load) CHECK(std::abs(n - even) < 0.1 * even);
  }
}
