// The verifier: passes what is right, fresh or trained, and fails with the right check on each planted defect.
#include "moe/verify/verify.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "moe/verify/survey.h"
#include "nn/in_double.h"
#include "nn/optim.h"
#include "tests/moe/plant.h"

using namespace camo;
using namespace camo::moe;
using test::Plant;
using Names = std::vector<std::string>;

namespace {

/// The smallest network with two kinds of rows: one mixture routes whole images, the other tiles.
struct Mini : nn::Module {
  nn::Conv2d stem;
  Moe images, tiles;
  nn::Linear head;
  explicit Mini(const std::vector<ExpertKind>& kinds = cod_experts())
      : Module(nn::Scope{.seed = 4}),
        stem(sub("stem"), 3, 16, 4, {.stride = 4}),
        images(sub("images"), 16, kinds, {}),
        tiles(sub("tiles"), 16, cod_experts(), {.routing = Routing::tile, .tile = 3}),
        head(sub("head"), 16, 1) {}
  Var forward(const Var& x) {
    Var map = gelu(stem.forward(x));
    return head.forward(images.forward(map).y + tiles.forward(map).y);
  }
};

/// Stripes with one of four directions, scales and colours: images (n, 32, 32, 3), and where they are
/// bright (n, 8, 8, 1).
std::pair<Tensor, Tensor> stripes(int64_t n, uint64_t seed) {
  Tensor x = zeros({n, 32, 32, 3}), target = zeros({n, 8, 8, 1});
  Random random({.seed = seed, .domain = Domain::test});
  for (int64_t b = 0; b < n; ++b) {
    const int64_t kind = random.below(4);
    const double phase = random.uniform(0, 6.28), wave = 0.25 + 0.2 * double(kind);
    for (int64_t h = 0; h < 32; ++h)
      for (int64_t w = 0; w < 32; ++w) {
        const double v = std::sin(phase + wave * double(kind % 2 ? h : w)) + 0.3 * random.normal();
        for (int64_t c = 0; c < 3; ++c)
          x.write<float>()[((b * 32 + h) * 32 + w) * 3 + c] = float(v + (c == kind % 3 ? 1 : 0));
        if (v > 0) target.write<float>()[(b * 8 + h / 4) * 8 + w / 4] += 1 / 16.f;
      }
  }
  return {x, target};
}

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

void train_some(Mini& net, int steps) {
  nn::AdamW optimizer(net);
  net.train();
  for (int step = 0; step < steps; ++step) {
    auto [x, target] = stripes(16, uint64_t(100 + step));
    net.state().next_micro_step();
    backward(mean(bce_with_logits(net.forward(Var(x)), target)));
    optimizer.step(3e-3);
    nn::commit(net);
  }
}

template <class Net> Survey survey_of(Net& net, int64_t n = 96, const nn::NamedTensors& first = {}) {
  NoGrad no_grad;
  net.train(false);
  Surveyor surveyor(net, first);
  for (int64_t i = 0; i < n; i += 16) net.forward(Var(stripes(16, uint64_t(7000 + i)).first));
  return surveyor.result();
}

template <class Net> std::vector<Check> verified(Net& net, bool with_data, const nn::NamedTensors& first = {}) {
  std::optional<Survey> survey;
  if (with_data) survey = survey_of(net, 96, first);
  const Subject subject{net, [&](const Var& x) { return net.forward(x); }, stripes(3, 1).first};
  return verify(subject, survey ? &*survey : nullptr);
}

std::string told(const std::vector<Check>& checks) {
  std::string out;
  for (const Check& c : checks)
    out += text("\n",
                c.verdict == Verdict::passed   ? "  ok    "
                : c.verdict == Verdict::failed ? "  FAIL  "
                                               : "  skip  ",
                c.name, "  ", c.where, "  ", c.measured, " <= ", c.limit, "  ", c.sentence);
  return out;
}

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

/// Takes a row of the route for each row: from(r) says which.
void reroute(Route& route, const std::function<int64_t(int64_t)>& from_row) {
  const int64_t R = route.expert.dim(0);
  std::vector<int64_t> rows;
  for (int64_t r = 0; r < R; ++r) rows.push_back(from_row(r));
  const Tensor index = from<int64_t>(rows, {R});
  route.expert = gather_rows(route.expert, index), route.weight = gather_rows(route.weight, index);
  route.logits = gather_rows(route.logits, index);
}

/// Moves the balance twice a step, as a recomputation once did.
struct TwiceMoved : Listener {
  explicit TwiceMoved(Moe& layer) { listen_to(layer); }
  void routed(const Moe& layer, Route&) override {
    nn::Buffer& balance = layer.router.balance;
    if (balance.staged.defined()) balance.staged = balance.staged * 2.0 - balance.value;
  }
};

}  // namespace

TEST_CASE("each check finds a second defect, which it was not written with") {
  static Mini& net = *[] {  // trained once for all cases, which leave it as it is
    auto* trained = new Mini;
    train_some(*trained, 200);
    return trained;
  }();
  auto found = [&](const char* name) {
    const std::vector<Check> checks = verified(net, true);
    const Names red = failed(checks);
    CHECK_MESSAGE(std::find(red.begin(), red.end(), name) != red.end(), name, told(checks));
    return red;
  };
  SUBCASE("gate: its gradient is twice what it should be") {
    Plant plant(net.images, [](Route& r) { r.weight = r.weight * 2.0 + Var(r.weight.value()) * -1.0; });
    CHECK(found("gate") == Names{"gate"});
  }
  SUBCASE("spatial: a tile takes the route of the tile before it") {
    Plant plant(net.tiles, [](Route& r) { reroute(r, [](int64_t i) { return i == 0 ? 0 : i - 1; }); });
    found("spatial");
  }
  SUBCASE("batch: an image takes the route of the next one") {
    Plant plant(net.images, [](Route& r) {
      const int64_t R = r.expert.dim(0);
      reroute(r, [R](int64_t i) { return (i + 1) % R; });
    });
    found("batch");
  }
  SUBCASE("dispatch: two rows are read from each other's image") {
    Plant plant(net.images, nullptr, [](Plan& plan) {
      std::vector<int64_t> source = to_vector<int64_t>(plan.source);
      if (source.size() > 1) std::swap(source.front(), source.back());
      plan.source = from<int64_t>(source, plan.source.shape());
    });
    found("dispatch");
  }
  SUBCASE("balance: it moves twice a step") {
    TwiceMoved twice(net.images);
    CHECK(found("balance") == Names{"balance"});
  }
  SUBCASE("weights: they sum to 1 and one is negative") {
    Plant plant(net.images, [](Route& r) {
      Tensor w = r.weight.value().clone();
      w.write<float>()[0] = 1.25f, w.write<float>()[1] = -0.25f;
      r.weight = Var(w);
    });
    found("weights");
  }
  SUBCASE("usage: an expert is chosen by one image in a hundred") {
    Plant plant(net.images, [seen = 0](Route& r) mutable {
      std::vector<int64_t> expert = to_vector<int64_t>(r.expert);
      for (size_t i = 0; i < expert.size(); i += 2) {
        const bool keep = ++seen % 101 == 0;
        for (size_t k : {i, i + 1})
          if (expert[k] == 1 && !keep) expert[k] = expert[i + (k == i)] == 2 ? 3 : 2;
      }
      r.expert = from<int64_t>(expert, r.expert.shape());
    });
    const std::vector<Check> checks = verify_survey(survey_of(net));
    CHECK_MESSAGE(failed(checks) == Names{"usage"}, told(checks));
  }
  SUBCASE("content: choices go by the place in the batch") {
    Plant plant(net.images, [](Route& r) {
      const int64_t E = r.logits.dim(1);
      std::vector<int64_t> expert(size_t(r.expert.numel()));
      for (size_t i = 0; i < expert.size(); ++i) expert[i] = int64_t(i / 2 + i % 2) % E;
      r.expert = from<int64_t>(expert, r.expert.shape());
    });
    const std::vector<Check> checks = verify_survey(survey_of(net));
    CHECK_MESSAGE(failed(checks) == Names{"content"}, told(checks));
  }
}

TEST_CASE("where all experts are the same, the task check warns") {
  Mini net(std::vector<ExpertKind>(5, cod_experts()[0]));
  train_some(net, 100);
  const auto& first = (*net.images.experts).children();
  REQUIRE(first.size() == 5);
  for (nn::Module* expert : first) nn::load_state_dict(*expert, nn::state_dict(*first[0]));
  auto [x, target] = stripes(32, 9000);
  const HeldOut held{
      32, [&, x = x, target = target](int64_t begin, int64_t end) {
        std::vector<double> out;
        const Tensor logits = net.forward(Var(x.slice(begin, end))).value();
        for (int64_t i = begin; i < end; ++i)
          out.push_back(
              item(mean(bce_with_logits(Var(logits.slice(i - begin, i - begin + 1)), target.slice(i, i + 1))).value()));
        return out;
      }};
  const std::vector<Check> checks = verify_task(net, held);
  CHECK_MESSAGE(checks[0].verdict == Verdict::warned, told(checks));
}

TEST_CASE("a gate that was not trained is red by name, whatever else was trained") {
  Mini net;
  const nn::NamedTensors first = gates(net);
  train_some(net, 200);
  std::vector<Check> checks = verified(net, true, first);
  CHECK_MESSAGE(failed(checks).empty(), told(checks));
  CHECK(std::count_if(checks.begin(), checks.end(),
                      [](const Check& c) { return c.name == "trained" && c.verdict == Verdict::passed; }) == 2);

  const auto back = [&](const Moe& layer, double step) {  // to the gate of the start, and a little on from there
    for (nn::Parameter& p : layer.router.named_parameters())
      for (const auto& [name, t] : first)
        if (name == layer.router.path() + "." + p.name) {
          Tensor value = p.var.value();
          copy_into(value, t + randn(t.shape(), 5) * step);
        }
  };
  for (Moe* layer : {&net.images, &net.tiles}) {
    const nn::NamedTensors now = gates(net);
    for (double step : {0.0, 1e-7}) {
      back(*layer, step);
      checks = verified(net, true, first);
      CHECK_MESSAGE(failed(checks).front() == "trained", told(checks));  // and perhaps usage: the first gate is uneven
      for (const Check& c : checks)
        if (c.verdict == Verdict::failed) CHECK(c.where == layer->path());
    }
    nn::load_state_dict(net, now, /*strict=*/false);
  }
  checks = verified(net, true);
  CHECK(std::count_if(checks.begin(), checks.end(), [](const Check& c) {
          return c.name == "trained" && c.verdict == Verdict::skipped &&
                 c.sentence == "the file does not hold the gate of the start";
        }) == 2);
}

TEST_CASE("an expert that takes nearly all images, or nearly all of the weight, is red by name") {
  Mini net;
  train_some(net, 200);
  Tensor balance = net.images.router.balance.value, bias = net.images.router.gate.bias.value();
  SUBCASE("chosen by every image, with its usual weight") { balance.write<float>()[2] = 1000; }
  SUBCASE("of the weight") { bias.write<float>()[3] += 10; }
  const std::vector<Check> checks = verified(net, true);
  CHECK_MESSAGE(failed(checks) == Names{"domination"}, told(checks));
  for (const Check& c : checks)
    if (c.verdict == Verdict::failed) {
      CHECK(c.where == "images");
      CHECK(c.sentence.find("mean weights by rank") != std::string::npos);
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

TEST_CASE(
    "the loss rises when images take each other's routes if the experts differ by image, else a warning says so") {
  auto task = [](Mini& net) {
    auto [x, target] = stripes(48, 9000);
    const HeldOut held{48, [&, x = x, target = target](int64_t begin, int64_t end) {
                         std::vector<double> out;
                         const Var logits = net.forward(Var(x.slice(begin, end)));
                         for (int64_t i = begin; i < end; ++i)
                           out.push_back(item(mean(bce_with_logits(Var(logits.value().slice(i - begin, i - begin + 1)),
                                                                   target.slice(i, i + 1)))
                                                  .value()));
                         return out;
                       }};
    return verify_task(net, held);
  };
  Mini net;
  train_some(net, 200);
  std::vector<Check> checks = task(net);
  REQUIRE(checks.size() == 2);
  CHECK_MESSAGE(checks[0].verdict == Verdict::passed, told(checks));

  {  // all images go to the same experts with the same weights
    Plant plant(net.images, [](Route& r) {
      const Tensor first = zeros({r.expert.dim(0)}, DType::i64);
      r.expert = gather_rows(r.expert, first), r.weight = gather_rows(r.weight, first);
    });
    checks = task(net);
    CHECK_MESSAGE(checks[0].verdict == Verdict::warned, told(checks));
    CHECK(checks[0].measured == 1);
    CHECK(checks[0].sentence.find("routes do not matter") != std::string::npos);
  }
  CHECK(task(net)[0].verdict == Verdict::passed);
  CHECK(net.images.listeners.empty());
}

TEST_CASE("a fresh network with many images is told what they do, and is not judged by it") {
  Mini net;
  net.images.router.balance.value.write<float>()[2] = 1000;
  Survey survey = survey_of(net);
  const Names found = failed(verify_survey(survey));
  CHECK(std::find(found.begin(), found.end(), "domination") != found.end());
  survey.trained = false;
  const std::vector<Check> checks = verify_survey(survey);
  CHECK_MESSAGE(failed(checks).empty(), told(checks));
  CHECK(std::any_of(checks.begin(), checks.end(), [](const Check& c) {
    return c.name == "domination" && c.verdict == Verdict::warned && c.where == "images";
  }));
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

TEST_CASE("k-means groups, mutual information and its permutation test") {
  Tensor points = from<double>({0, 0, 0.1, 0, 5, 5, 5.1, 5, -5, 5, -5, 5.1}, {6, 2});
  std::vector<int64_t> group = k_means(points, 3);
  CHECK(group[0] == group[1]);
  CHECK(group[2] == group[3]);
  CHECK(group[4] == group[5]);
  CHECK(group[0] != group[2]);
  CHECK(group[2] != group[4]);
  // The group determines the expert, so the information is the entropy of the groups.
  Tensor share = from<double>({1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1}, {6, 3});
  CHECK(mutual_information(share, group) == doctest::Approx(std::log(3.0)));
  CHECK(mutual_information(full({6, 3}, 1 / 3., DType::f64), group) == doctest::Approx(0));
  // Of the 6! / (2! 2! 2!) = 90 ways to deal the groups, the 3! that keep the pairs together are as good.
  CHECK(permutation_test(share, group, 9999).p == doctest::Approx(6 / 90.).epsilon(0.1));
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
