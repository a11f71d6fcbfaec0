// The verifier: passes what is right, fresh or trained, and fails with the right check on each planted defect.
#include "moe/verify/verify.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "moe/verify/survey.h"
#include "nn/checking/in_double.h"
#include "nn/optim.h"
#include "tests/moe/plant.h"
#include "tests/moe/verify_net.h"

using namespace camo;
using namespace camo::moe;
using namespace camo::test;
using Names = std::vector<std::string>;

namespace {

/// The same network with pools of MLPs instead of separate experts: by image, and by pixel.
struct Pools : nn::Module {
  nn::Conv2d stem;
  Moe images, pixels;
  nn::Linear head;
  Pools()
      : Module(nn::Scope{.seed = 4}),
        stem(sub("stem"), 3, 16, 4, {.stride = 4}),
        images(sub("images"), 16, MlpPool{.experts = 5, .hidden = 8}, {}),
        pixels(sub("pixels"), 16, MlpPool{.experts = 4, .hidden = 8}, {.chosen = 1, .routing = Routing::pixel}),
        head(sub("head"), 16, 1) {}
  Var forward(const Var& x) {
    Var map = gelu(stem.forward(x));
    return head.forward(images.forward(map).y + pixels.forward(map).y);
  }
};

/// Sends all rows of a picture to the experts that most of them chose.
void modal(Route& route, int64_t rows_per_image) {
  const int64_t R = route.expert.dim(0), K = route.expert.dim(1);
  std::vector<int64_t> expert = to_vector<int64_t>(route.expert);
  for (int64_t first = 0, group; first < R; first += group) {
    group = std::min(R - first, rows_per_image);
    std::map<std::vector<int64_t>, int64_t> votes;
    for (int64_t r = first; r < first + group; ++r) ++votes[{&expert[r * K], &expert[r * K] + K}];
    auto most = std::max_element(votes.begin(), votes.end(), [](auto& a, auto& b) { return a.second < b.second; });
    for (int64_t r = first; r < first + group; ++r) std::copy_n(most->first.begin(), K, &expert[r * K]);
  }
  route.expert = from<int64_t>(expert, {R, K});
}

/// Divides its input by the largest number in the whole batch, as a refinement once did with its uncertainty.
struct BatchWide : Expert {
  nn::Linear mix;
  BatchWide(nn::Scope s, int64_t dim) : Expert(std::move(s)), mix(sub("mix"), dim, dim) {}
  Var forward(const Var& x) override {
    return mix.forward(x / expand(max(abs(x), {}, /*keep=*/true) + 1e-8, x.shape()));
  }
};

}  // namespace

TEST_CASE("every kind of fresh layer passes") {
  for (Routing routing : {Routing::image, Routing::tile, Routing::pixel})
    for (GateKind gate : {GateKind::simple, GateKind::content_aware})
      for (auto [weights, balancing] : {std::pair{Weights::chosen, Balancing::sign},
                                        {Weights::all, Balancing::proportional},
                                        {Weights::chosen, Balancing::auxiliary}}) {
        Moe layer(
            nn::Scope{.seed = 5}, 16, cod_experts(),
            {.chosen = 2, .routing = routing, .tile = 4, .gate = gate, .weights = weights, .balancing = balancing});
        std::vector<Check> checks = verify_layer(layer, randn({3, 7, 9, 16}, 2));
        CHECK_MESSAGE(failed(checks).empty(), told(checks));
        CHECK(layer.training());
        CHECK(sum_of_squares(layer.router.balance.value) == 0);
      }
}

TEST_CASE("one chosen expert is legal, and all chosen as well") {
  for (int64_t chosen : {1, 6}) {
    Moe layer(nn::Scope{.seed = 5}, 16, cod_experts(), {.chosen = chosen});
    std::vector<Check> checks = verify_layer(layer, randn({4, 5, 5, 16}, 2));
    CHECK_MESSAGE(failed(checks).empty(), told(checks));
  }
}

TEST_CASE("a fresh network passes the checks that apply; the others say that they need a trained model and data") {
  Mini net;
  std::vector<Check> checks = verified(net, false);
  CHECK_MESSAGE(failed(checks).empty(), told(checks));
  for (const char* name : {"trained", "usage", "domination", "content", "task"})
    CHECK(std::count_if(checks.begin(), checks.end(), [&](const Check& c) {
            return c.name == name && c.verdict == Verdict::skipped && c.sentence == "needs data [--data]";
          }) == 1);
  for (const nn::Parameter& p : net.named_parameters()) CHECK(!p.var.grad().defined());
  for (Moe* layer : mixtures(net)) CHECK(layer->listeners.empty());
}

TEST_CASE("a network with pools can be checked, surveyed and counted") {
  Pools net;
  std::vector<Check> checks = verified(net, false);
  CHECK_MESSAGE(failed(checks).empty(), told(checks));
  for (const char* name : {"weights", "batch", "dispatch", "balance"})
    CHECK(std::count_if(checks.begin(), checks.end(), [&](const Check& c) {
            return c.name == name && c.where != "network" && c.verdict == Verdict::passed;
          }) == 2);

  const Survey survey = survey_of(net, 48);
  REQUIRE(survey.layers.size() == 2);
  CHECK(survey.layers[0].experts == Names{"mlp 0", "mlp 1", "mlp 2", "mlp 3", "mlp 4"});
  CHECK(survey.layers[0].share.shape() == Shape{48, 5});
  CHECK(survey.layers[1].share.shape() == Shape{48, 4});
  CHECK(survey.layers[1].part_share.shape() == Shape{4 * 48, 4});
  for (const Survey::Layer& layer : survey.layers)
    for (double all : to_vector<double>(sum(layer.share, {1}))) CHECK(all == doctest::Approx(1));

  // fc1 and fc2 of one expert: 16 x 8 weights each, and a bias each.
  const double one = 2 * 16 * 8 + 8 + 16;
  CHECK(idle_parameters(net) == doctest::Approx(3 * one + 3 * one));
}

TEST_CASE("each planted defect fails its own check and no other") {
  Mini net(
      {cod_experts()[0], cod_experts()[1], cod_experts()[2], cod_experts().back(), {"wide", make_expert<BatchWide>}});
  Mini sound;
  train_some(sound, 200);
  std::vector<Check> checks = verified(sound, true);
  CHECK_MESSAGE(failed(checks).empty(), told(checks));

  auto red_with = [&](const char* name, Moe& layer, auto... defect) {
    {
      Plant plant(layer, defect...);
      checks = verified(sound, true);
    }
    CHECK_MESSAGE(failed(checks) == Names{name}, told(checks));
    for (const Check& c : checks)
      if (c.verdict == Verdict::failed) CHECK((c.where == layer.path() || c.where == "network"));
    checks = verified(sound, true);
    CHECK_MESSAGE(failed(checks).empty(), told(checks));
  };
  SUBCASE("a detached gate") {
    red_with("gate", sound.images, [](Route& r) { r.weight = Var(r.weight.value()); });
  }
  SUBCASE("one modal expert in place of spatial routing") {
    red_with("spatial", sound.tiles, [](Route& r) { modal(r, 9); });
  }
  SUBCASE("the bias inside the softmax") {
    red_with("balance", sound.images, [&](Route& r) {
      Var biased = r.logits + Var(expand(sound.images.router.balance.value.reshape({1, -1}), r.logits.shape()));
      r.weight = softmax(take_along(biased, r.expert));
    });
  }
  SUBCASE("a dead expert") {
    Tensor bias = sound.images.router.gate.bias.value();
    const float before = bias.read<float>()[2];
    bias.write<float>()[2] = -1000;
    checks = verified(sound, true);
    CHECK_MESSAGE(failed(checks) == Names{"usage"}, told(checks));
    bias.write<float>()[2] = before;
    CHECK(failed(verified(sound, true)).empty());
  }
  SUBCASE("logits divided by the largest of the batch") {
    red_with("batch", sound.images, [](Route& r) {
      r.logits = r.logits / expand(max(abs(r.logits), {}, /*keep=*/true), r.logits.shape());
      r.weight = softmax(take_along(r.logits, r.expert));
    });
  }
  SUBCASE("an expert that normalises over the batch") {
    train_some(net, 20);
    checks = verified(net, false);
    CHECK_MESSAGE(failed(checks) == Names{"batch"}, told(checks));
  }
  SUBCASE("results returned to the wrong rows") {
    red_with("dispatch", sound.images, nullptr, [](Plan& plan) {
      std::vector<int64_t> position = to_vector<int64_t>(plan.position);
      const int64_t n = int64_t(position.size());
      for (int64_t& p : position) p = n - 1 - p;
      plan.position = from<int64_t>(position, plan.position.shape());
    });
  }
  SUBCASE("an expert chosen twice") {
    Plant twice(sound.images, [](Route& r) {
      std::vector<int64_t> expert = to_vector<int64_t>(r.expert);
      for (size_t i = 1; i < expert.size(); i += 2) expert[i] = expert[i - 1];
      r.expert = from<int64_t>(expert, r.expert.shape());
    });
    checks = verified(sound, false);
    CHECK_MESSAGE(failed(checks).front() == "weights", told(checks));
  }
  SUBCASE("choices that do not depend on the image") {
    Plant random_choices([calls = 0](Route& r) mutable {
      const int64_t E = r.logits.dim(1);
      std::vector<int64_t> expert(size_t(r.expert.numel()));
      Random random({.seed = uint64_t(++calls), .domain = Domain::test});
      for (size_t i = 0; i < expert.size(); i += 2)
        expert[i] = random.below(E), expert[i + 1] = (expert[i] + 1 + random.below(E - 1)) % E;
      r.expert = from<int64_t>(expert, r.expert.shape());
    });
    random_choices.listen_to(sound.images), random_choices.listen_to(sound.tiles);
    Survey survey = survey_of(sound);
    std::vector<Check> of_many = verify_survey(survey);
    CHECK_MESSAGE(failed(of_many) == Names{"content"}, told(of_many));
    CHECK(std::count_if(of_many.begin(), of_many.end(), [](auto& c) { return c.verdict == Verdict::failed; }) == 2);
  }
}

namespace {
/// Adds its input times a factor.
double g_factor;
struct Scaled : Expert {
  nn::Linear unused;
  Scaled(nn::Scope s, int64_t dim) : Expert(std::move(s)), unused(sub("unused"), dim, 1) {}
  Var forward(const Var& x) override { return x * g_factor; }
};
}  // namespace

TEST_CASE("an output that is zero, that is extreme, or to which nothing was added, is red under its own name") {
  for (auto [factor, words] : {std::pair{-1.0, "is zero"}, {1e8, "extreme"}, {0.0, "add nothing"}, {1e38, "NaN"}}) {
    CAPTURE(factor);
    g_factor = factor;
    const std::vector<ExpertKind> kinds(3, {"scaled", make_expert<Scaled>});
    Moe layer(nn::Scope{.seed = 5}, 16, kinds, {.chosen = 2});
    const std::vector<Check> checks = verify_layer(layer, randn({3, 5, 5, 16}, 2) * 100.0);
    CHECK_MESSAGE(failed(checks) == Names{"output"}, told(checks));
    CHECK(std::any_of(checks.begin(), checks.end(), [&, words = words](const Check& c) {
      return c.name == "output" && c.sentence.find(words) != std::string::npos;
    }));
  }
}

TEST_CASE("a logit that is not finite is found though its expert is not chosen") {
  Mini net;
  Tensor bias = net.images.router.gate.bias.value();
  bias.write<float>()[4] = -INFINITY;
  std::vector<Check> checks = verified(net, false);
  CHECK_MESSAGE(failed(checks).front() == "weights", told(checks));
  Guard guard(net);
  net.forward(Var(stripes(4, 1).first));
  CHECK(guard.not_finite().find("logit -inf of expert 4") != std::string::npos);
}

TEST_CASE("a gate that the network's output does not reach, and an output that depends on the batch, are red by name") {
  Mini net;
  auto red = [&](const Names& names, const std::string& where, const std::function<Var(const Var&)>& forward) {
    const std::vector<Check> checks = verify({net, forward, stripes(3, 1).first});
    CHECK_MESSAGE(failed(checks) == names, told(checks));
    for (const Check& c : checks)
      if (c.verdict == Verdict::failed) CHECK(c.where == where);
  };
  red({}, "", [&](const Var& x) { return net.forward(x); });
  red({"gate"}, "images", [&](const Var& x) {
    Var map = gelu(net.stem.forward(x));
    return net.head.forward(net.images.forward(map).y.detach() + net.tiles.forward(map).y);
  });
  red({"batch"}, "network", [&](const Var& x) {
    Var y = net.forward(x);
    return y / expand(max(abs(y), {}, /*keep=*/true), y.shape());
  });
}

TEST_CASE("a balance that moves too little, the wrong way or in evaluation is red by name") {
  Mini net;
  Tensor& staged = net.images.router.balance.staged;
  auto red = [&](const char* words, const std::function<void()>& defect) {
    Plant plant(net.images, [&](Route&) { defect(); });
    const std::vector<Check> checks = verified(net, false);
    CHECK_MESSAGE(failed(checks) == Names{"balance"}, told(checks));
    CHECK(std::any_of(checks.begin(), checks.end(), [&](const Check& c) {
      return c.verdict == Verdict::failed && c.where == "images" && c.sentence.find(words) != std::string::npos;
    }));
  };
  for (double factor : {0.5, -1.0})
    red("and its bias moves by", [&] {
      if (staged.defined()) staged = staged * factor;
    });
  red("moves in evaluation", [&] {
    if (!net.images.training()) staged = net.images.router.balance.value + 0.01;
  });
}

namespace {
/// Multiplies by its number, but its gradient grows with the number of rows that are computed together.
struct Growing : Expert {
  double factor;
  nn::Linear unused;
  Growing(nn::Scope s, int64_t dim)
      : Expert(std::move(s)),
        factor(std::stod(path().substr(path().rfind('.') + 1)) + 1),
        unused(sub("unused"), dim, 1) {}
  Var forward(const Var& x) override {
    return record("growing", x.value() * factor, {x},
                  [all = factor * double(x.dim(0))](const Tensor& dy, Grads& d) { d[0] = dy * all; });
  }
};
}  // namespace

TEST_CASE("a gradient that depends on which rows are computed together is red under dispatch") {
  const std::vector<ExpertKind> kinds(3, {"growing", make_expert<Growing>});
  Moe layer(nn::Scope{.seed = 5}, 16, kinds, {.chosen = 2});
  const std::vector<Check> checks = verify_layer(layer, randn({3, 5, 5, 16}, 2));
  CHECK_MESSAGE(failed(checks) == Names{"dispatch"}, told(checks));
}

TEST_CASE("in training the guard names check, layer and image, and detaches itself") {
  Mini net;
  Var x(stripes(4, 1).first);
  {
    Guard guard(net);
    net.forward(x);
    CHECK(guard.not_finite().empty());
    {
      Plant plant(net.images, [](Route& r) {
        Tensor w = r.weight.value().clone();
        w.write<float>()[2 * 2] = 0.75f;
        r.weight = Var(w);
      });
      CHECK_THROWS_WITH_AS(net.forward(x), doctest::Contains("weights: images, image 2 of the batch"), VerifyError);
    }
    Tensor spoilt = x.value().clone();
    spoilt.write<float>()[3 * 32 * 32 * 3] = NAN;
    net.forward(Var(spoilt));
    CHECK(guard.not_finite().find("image 3 of the batch") != std::string::npos);
  }
  CHECK(net.images.listeners.empty());
}

TEST_CASE("flash attention is right at odd sizes, in every type") {
  for (debug::AttentionSizes s :
       {debug::AttentionSizes{1, 1, 1, 1}, {64, 1, 2, 32}, {37, 49, 2, 10}, {121, 121, 8, 73}, {484, 49, 2, 36}})
    for (DType dtype : {DType::f64, DType::f32, DType::bf16}) {
      Check c = verify_attention(s, dtype);
      CHECK_MESSAGE(c.verdict == Verdict::passed, told({c}));
    }
  // A score matrix of this size would take 50 times what is allowed.
  CHECK(verify_attention({1936, 1936, 1, 8}, DType::f32).verdict == Verdict::passed);
}

TEST_CASE("a network in double precision has the same values, and is restored afterwards") {
  Mini net;
  Var before = net.head.weight;
  {
    nn::InDouble in_double(net);
    CHECK(net.head.weight.dtype() == DType::f64);
    CHECK(equal_bits(cast(net.head.weight.value(), DType::f32), before.value()));
    Tensor x = cast(stripes(2, 1).first, DType::f64);
    backward(sum(net.forward(Var(x))));
    CHECK(net.head.weight.grad().defined());
  }
  CHECK(net.head.weight.node() == before.node());
  CHECK(!net.head.weight.grad().defined());
  CHECK(net.state().dtype == DType::f32);
  CHECK(net.forward(Var(stripes(2, 1).first)).dtype() == DType::f32);
}
