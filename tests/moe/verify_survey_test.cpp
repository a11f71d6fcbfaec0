// The checks that need many images, and a second planted defect for each check.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nn/state_dict.h"
#include "tests/moe/plant.h"
#include "tests/moe/verify_net.h"

using namespace camo;
using namespace camo::moe;
using namespace camo::test;
using Names = std::vector<std::string>;

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

  const HeldOut spoilt{16, [](int64_t begin, int64_t end) {
                         std::vector<double> out(size_t(end - begin), 1.0);
                         if (begin > 0) out[3] = NAN;
                         return out;
                       }};
  checks = verify_task(net, spoilt);
  CHECK_MESSAGE(failed(checks) == Names{"task"}, told(checks));
  CHECK(net.images.listeners.empty());
}

TEST_CASE("an expert may dominate by weight alone, where most experts are chosen") {
  constexpr int64_t n = 48;
  std::vector<double> share, weight, ranked;
  for (int64_t i = 0; i < n; ++i) {  // two of three: the first always, with 0.9 of the weight
    const bool second = i % 2 == 0;
    for (double s : {0.5, second ? 0.5 : 0.0, second ? 0.0 : 0.5}) share.push_back(s);
    for (double w : {0.9, second ? 0.1 : 0.0, second ? 0.0 : 0.1}) weight.push_back(w);
    ranked.push_back(0.9), ranked.push_back(0.1);
  }
  Survey survey;
  survey.features = randn({n, 4}, 1, DType::f64);
  survey.layers = {{.where = "here",
                    .experts = {"a", "b", "c"},
                    .chosen = 2,
                    .share = from<double>(share, {n, 3}),
                    .weight = from<double>(weight, {n, 3}),
                    .ranked = from<double>(ranked, {n, 2})}};
  auto domination = [&] {
    for (const Check& c : verify_survey(survey))
      if (c.name == "domination") return c;
    return Check{};
  };
  const Check red = domination();
  CHECK(red.verdict == Verdict::failed);
  CHECK(red.measured == doctest::Approx(0.9));
  CHECK(red.sentence.find("90 % of the weights go to a; mean weights by rank 0.90 0.10") == 0);
  for (double& w : weight) w = 1 / 3.0;
  survey.layers[0].weight = from<double>(weight, {n, 3});
  CHECK(domination().verdict == Verdict::passed);  // every image choosing one of them is no domination here
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
