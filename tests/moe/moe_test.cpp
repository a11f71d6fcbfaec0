// The mixture of experts: routing, balance, plan, layer.
#include "moe/moe.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "autograd/checkpoint.h"
#include "autograd/gradient_check.h"
#include "moe/listener.h"

using namespace camo;
using namespace camo::moe;

namespace {

/// A test expert: f(x) = (index + 1) x, so that a result shows which experts made it.
struct Multiply : Expert {
  double factor;
  Multiply(nn::Scope s, int64_t) : Expert(std::move(s)), factor(std::stod(path().substr(path().rfind('.') + 1)) + 1) {}
  Var forward(const Var& x) override { return x * factor; }
};

std::vector<ExpertKind> multipliers(int count) {
  return std::vector<ExpertKind>(size_t(count), {"multiply", make_expert<Multiply>});
}

}  // namespace

TEST_CASE("the plan lists each expert's rows together, and every pair can be found again") {
  Tensor expert = from<int64_t>({2, 0, 0, 1, 2, 1}, {3, 2});
  Plan plan = make_plan(expert, 4);
  CHECK(plan.begin == std::vector<int64_t>{0, 2, 4, 6, 6});
  CHECK(plan.load() == std::vector<int64_t>{2, 2, 2, 0});
  CHECK(to_vector<int64_t>(plan.source) == std::vector<int64_t>{0, 1, 1, 2, 0, 2});
  CHECK(to_vector<int64_t>(plan.position) == std::vector<int64_t>{4, 0, 1, 2, 5, 3});
}

TEST_CASE("the plan of no rows is empty") {
  Plan plan = make_plan(empty({0, 2}, DType::i64), 3);
  CHECK(plan.begin == std::vector<int64_t>{0, 0, 0, 0});
  CHECK(plan.source.numel() == 0);
}

TEST_CASE("an image gets distinct experts and weights that sum to 1") {
  Router router(nn::Scope{.seed = 3}, 16, 6, {.chosen = 2});
  Route route = router.forward(Var(randn({32, 5, 7, 16}, 1)));
  std::vector<int64_t> expert = to_vector<int64_t>(route.expert);
  std::vector<float> weight = to_vector<float>(route.weight.value());
  for (size_t b = 0; b < 32; ++b) {
    CHECK(expert[2 * b] != expert[2 * b + 1]);
    CHECK(weight[2 * b] + weight[2 * b + 1] == doctest::Approx(1).epsilon(1e-6));
  }
  CHECK(*std::max_element(expert.begin(), expert.end()) < 6);
}

TEST_CASE("the balance affects which experts are chosen but not their weights") {
  Router router(nn::Scope{.seed = 3}, 8, 4, {.chosen = 4});
  Var x(randn({5, 8}, 1));
  std::vector<float> before = to_vector<float>(router.forward(x).weight.value());
  std::vector<int64_t> order = to_vector<int64_t>(router.forward(x).expert);
  router.balance.value = from<float>({0, 3, 6, 9}, {4});
  Route after = router.forward(x);
  CHECK(to_vector<int64_t>(after.expert) != order);
  // All four are chosen, so each expert must keep its weight and only its position may change.
  std::vector<int64_t> now = to_vector<int64_t>(after.expert);
  std::vector<float> weight = to_vector<float>(after.weight.value());
  for (size_t b = 0; b < 5; ++b)
    for (size_t i = 0; i < 4; ++i)
      for (size_t j = 0; j < 4; ++j)
        if (order[4 * b + i] == now[4 * b + j]) CHECK(before[4 * b + i] == doctest::Approx(weight[4 * b + j]));
}

TEST_CASE("y = x + the weighted sum of the chosen experts, for any number of experts and choices") {
  for (auto [E, K] : {std::pair<int64_t, int64_t>{5, 2}, {2, 1}, {2, 2}, {16, 1}, {16, 3}, {16, 16}}) {
    CAPTURE(E);
    CAPTURE(K);
    Moe layer(nn::Scope{.seed = 5}, 8, multipliers(int(E)), {.chosen = K});
    Tensor x = randn({9, 3, 2, 8}, 2);
    MoeOut out = layer.forward(Var(x));
    for (int64_t b = 0; b < 9; ++b) {
      const int64_t* e = out.route.expert.read<int64_t>() + K * b;
      const float* w = out.route.weight.value().read<float>() + K * b;
      float factor = 1;
      for (int64_t k = 0; k < K; ++k) factor += w[k] * float(e[k] + 1);
      for (int64_t i = 0; i < 48; ++i)
        CHECK(out.y.value().read<float>()[48 * b + i] ==
              doctest::Approx(factor * x.read<float>()[48 * b + i]).epsilon(1e-5));
    }
    CHECK(std::accumulate(out.stats.load.begin(), out.stats.load.end(), int64_t(0)) == 9 * K);
    CHECK(item(sum(out.stats.weight)) == doctest::Approx(1).epsilon(1e-5));
    CHECK(item(out.stats.entropy) <= std::log(double(E)) + 1e-6);
    CHECK(item(out.stats.entropy) > 0);
  }
}

TEST_CASE("the gate's gradient equals finite differences") {
  Moe layer(nn::Scope{.dtype = DType::f64, .seed = 7}, 8, cod_experts(), {.chosen = 2});
  layer.train(false);
  Var x = Var::leaf(randn({3, 4, 5, 8}, 2, DType::f64)), &weight = layer.router.gate.weight;
  CHECK(test::gradient_error([&] { return layer.forward(x).y; }, {x, weight, layer.router.gate.bias}) < 1e-6);
  CHECK(sum_of_squares(weight.grad()) > 0);
}

TEST_CASE("an expert that was not chosen gets no gradient") {
  Moe layer(nn::Scope{.seed = 5}, 8, cod_experts(), {.chosen = 2});
  MoeOut out = layer.forward(Var(randn({1, 4, 4, 8}, 2)));
  backward(sum(out.y));
  for (int64_t e = 0; e < 6; ++e)
    for (const nn::Parameter& p : layer.experts->children()[size_t(e)]->named_parameters())
      CHECK(p.var.grad().defined() == (out.stats.load[size_t(e)] > 0));
}

TEST_CASE("an image's result has the same bits whatever the rest of the batch") {
  for (DType dtype : {DType::f32, DType::bf16}) {
    Moe layer(nn::Scope{.seed = 5}, 32, cod_experts(), {.chosen = 2});
    layer.train(false);
    NoGrad no_grad;
    Tensor x = randn({7, 9, 11, 32}, 2, dtype), y = layer.forward(Var(x)).y.value();
    for (int64_t b = 0; b < 7; ++b)
      CHECK(equal_bits(layer.forward(Var(x.slice(b, b + 1))).y.value(), y.slice(b, b + 1)));
    Tensor order = from<int64_t>({6, 2, 2, 0}, {4});
    CHECK(equal_bits(layer.forward(Var(gather_rows(x, order))).y.value(), gather_rows(y, order)));
  }
}

TEST_CASE("a batch of no images is legal") {
  Moe layer(nn::Scope{.seed = 5}, 8, cod_experts(), {.chosen = 2});
  CHECK(layer.forward(Var(zeros({0, 4, 4, 8}))).y.shape() == Shape{0, 4, 4, 8});
}

TEST_CASE("the balance moves once per step, by the sum of its micro-batches") {
  auto moved = [](int micro_batches) {
    Router router(nn::Scope{.seed = 5}, 16, 6, {.chosen = 2});
    Tensor x = randn({24, 16}, 9);
    for (int step = 0; step < 3; ++step) {
      const int64_t rows = 24 / micro_batches;
      for (int i = 0; i < micro_batches; ++i) router.forward(Var(x.slice(i * rows, (i + 1) * rows)));
      nn::commit(router);
    }
    CHECK(item(sum(router.load.value)) == 48);
    return router.balance.value;
  };
  Tensor whole = moved(1);
  CHECK(sum_of_squares(whole) > 0);
  CHECK(equal_bits(whole, moved(2)));
  CHECK(equal_bits(whole, moved(24)));
}

TEST_CASE("the balance does not move in evaluation, in a discarded step or in a recomputation") {
  Moe layer(nn::Scope{.seed = 5}, 8, cod_experts(), {.chosen = 2});
  Var x(randn({4, 3, 3, 8}, 2));
  layer.train(false);
  layer.forward(x);
  CHECK(!layer.router.balance.staged.defined());
  layer.train(true);
  layer.forward(x);
  CHECK(layer.router.balance.staged.defined());
  CHECK(sum_of_squares(layer.router.balance.value) == 0);
  nn::discard(layer);
  nn::commit(layer);
  CHECK(sum_of_squares(layer.router.balance.value) == 0);

  Var y = checkpoint([&](const Vars& in) { return layer.forward(in[0]).y; }, {x});
  CHECK(item(sum(layer.router.load.staged)) == 8);
  backward(sum(y));
  CHECK(item(sum(layer.router.load.staged)) == 8);
  CHECK(layer.router.gate.weight.grad().defined());
}

TEST_CASE("the router works in f32 for bf16 images") {
  Router router(nn::Scope{.seed = 3}, 16, 6, {.chosen = 2});
  Tensor x = randn({8, 5, 7, 16}, 1, DType::bf16);
  Route route = router.forward(Var(x));
  CHECK(route.weight.dtype() == DType::f32);
  CHECK_THROWS_AS(Router(nn::Scope{}, 16, 2, {.chosen = 3}), ConfigError);
}

TEST_CASE("two listeners of a layer are both called, in order of attachment, until they are destroyed") {
  struct Note : Listener {
    std::string name;
    std::vector<std::string>* said;
    Note(Moe& layer, std::string name, std::vector<std::string>* said) : name(std::move(name)), said(said) {
      listen_to(layer);
    }
    void say(const char* what) { said->push_back(name + " " + what); }
    void routed(const Moe&, Route&) override { say("routed"); }
    void planned(const Moe&, Plan&) override { say("planned"); }
    void passed(const Moe&, const Var&, const MoeOut&) override { say("passed"); }
  };
  using Words = std::vector<std::string>;
  Words said;
  auto layer = std::make_unique<Moe>(nn::Scope{.seed = 5}, 8, multipliers(3));
  const Var x(randn({4, 2, 2, 8}, 2));
  Note stays(*layer, "stays", &said);
  {
    Note leaves(*layer, "leaves", &said);
    layer->forward(x);
    CHECK(said ==
          Words{"stays routed", "leaves routed", "stays planned", "leaves planned", "stays passed", "leaves passed"});
  }
  said.clear();
  layer->forward(x);
  CHECK(said == Words{"stays routed", "stays planned", "stays passed"});
  layer.reset();  // destroyed before its listener
  CHECK(stays.layers().empty());
}

TEST_CASE("a layer follows the changes that a listener makes to route and plan") {
  struct FirstOnly : Listener {
    using Listener::Listener;
    void routed(const Moe&, Route& route) override {
      route.expert = zeros(route.expert.shape(), DType::i64), route.weight = Var(full(route.weight.shape(), 1));
    }
  };
  Moe layer(nn::Scope{.seed = 5}, 8, multipliers(3), {.chosen = 1});
  FirstOnly listener(layer);
  Tensor x = randn({4, 2, 2, 8}, 2);
  CHECK(equal_bits(layer.forward(Var(x)).y.value(), add(x, x)));
}
