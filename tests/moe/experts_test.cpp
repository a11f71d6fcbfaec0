// Every expert: compared with its definition as plain loops; gradients, number of parameters, cost.
#include "moe/experts.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/debug.h"
#include "autograd/gradient_check.h"
#include "tests/moe/expert_definitions.h"

using namespace camo;
using namespace camo::moe;
using test::Map, test::Numbers, test::Parameters;

namespace {

struct Case {
  std::string name;
  ExpertKind kind;
  test::definition::Definition definition;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> out;
    auto take = [&](const char* family, const auto& kinds, const auto& definitions) {
      REQUIRE(kinds.size() == definitions.size());
      for (size_t i = 0; i < kinds.size(); ++i) {
        REQUIRE(definitions[i].first == kinds[i].name);
        out.push_back({text(family, " ", kinds[i].name), kinds[i], definitions[i].second});
      }
    };
    take("cod", cod_experts(), test::definition::of_cod());
    take("generic", generic_experts(), test::definition::of_generic());
    return out;
  }();
  return all;
}

/// One expert of the kind in evaluation mode (no dropout).
struct Alone {
  ExpertList list;
  Expert& expert;
  Alone(const ExpertKind& kind, int64_t dim, DType dtype = DType::f32)
      : list(nn::Scope{.dtype = dtype, .seed = 11}, dim, {kind}), expert(list[0]) {
    list.train(false);
  }
};

/// Turns off all dropout within a module: it draws for each place of a batch.
void without_dropout(nn::Module& m) {
  if (auto* dropout = dynamic_cast<nn::Dropout*>(&m)) dropout->p = 0;
  for (nn::Module* child : m.children()) without_dropout(*child);
}

/// The largest difference from the definition over all images, relative to the definition's largest number.
double error(const Case& c, Expert& expert, const Tensor& x) {
  NoGrad no_grad;
  Tensor y = expert.forward(Var(x)).value();
  CHECK(y.shape() == x.shape());
  const Parameters p = test::parameters_of(expert);
  double worst = 0, largest = 0;
  for (int64_t b = 0; b < x.dim(0); ++b) {
    const Map image(int(x.dim(1)), int(x.dim(2)), int(x.dim(3)), test::numbers(x.slice(b, b + 1)));
    const Map want = c.definition(p, image);
    const Numbers got = test::numbers(y.slice(b, b + 1));
    for (size_t i = 0; i < got.size(); ++i) {
      worst = test::worse(worst, std::abs(got[i] - want.v[i]));
      largest = std::max(largest, std::abs(want.v[i]));
    }
  }
  return worst / largest;
}

}  // namespace

TEST_CASE("every expert equals its definition") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    for (int64_t dim : {18, 32}) {
      Alone f32(c.kind, dim), f64(c.kind, dim, DType::f64);
      CHECK(error(c, f32.expert, randn({2, 9, 11, dim}, 2)) < 1e-5);
      CHECK(error(c, f64.expert, randn({2, 9, 11, dim}, 2, DType::f64)) < 1e-12);
      CHECK(error(c, f32.expert, randn({1, 3, 1, dim}, 3)) < 1e-5);
    }
    Alone on_large_map(c.kind, 32);
    CHECK(error(c, on_large_map.expert, randn({1, 34, 33, 32}, 4)) < 1e-5);
  }
}

TEST_CASE("an expert's result for an image has the same bits whatever other images it gets, in training too") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Alone alone(c.kind, 32);
    without_dropout(alone.expert);
    for (bool training : {false, true}) {
      alone.expert.train(training);
      const Tensor x = randn({3, 9, 11, 32}, 2), y = alone.expert.forward(Var(x)).value();
      for (int64_t b = 0; b < 3; ++b)
        CHECK(equal_bits(alone.expert.forward(Var(x.slice(b, b + 1))).value(), y.slice(b, b + 1)));
    }
  }
}

TEST_CASE("every expert's gradients, of x and of each parameter, equal finite differences") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Alone alone(c.kind, 16, DType::f64);
    Var x = Var::leaf(randn({2, 4, 5, 16}, 7, DType::f64)), no_slope;
    Vars leaves{x};
    for (const nn::Parameter& p : alone.expert.named_parameters())
      // The bias of the keys changes all scores of a query by the same amount, so its gradient is 0.
      p.name == "key.bias" ? no_slope = p.var : leaves.emplace_back(p.var);
    CHECK(test::gradient_error([&] { return alone.expert.forward(x); }, leaves) < 1e-6);
    if (no_slope.defined()) CHECK(sum_of_squares(no_slope.grad()) < 1e-24);
  }
}

TEST_CASE("generic experts have exactly the number of parameters in their table") {
  struct Row {
    int64_t dim, texture, attention, hybrid, three_alike, contrast;
  };
  for (const Row& r :
       {Row{80, 27760, 25680, 18500, 13280, 14240}, Row{160, 109920, 102560, 69000, 52160, 54080},
        Row{288, 354528, 332064, 216360, 167616, 171072}, Row{584, 1453576, 1364808, 870890, 685616, 692624},
        Row{64, 17856, 16448, 12240, 8576, 9344}, Row{128, 70528, 65664, 44960, 33536, 35072},
        Row{320, 437440, 409920, 266000, 206720, 210560}, Row{512, 1117696, 1049088, 671360, 527360, 533504}}) {
    CAPTURE(r.dim);
    std::vector<int64_t> counts;
    for (const ExpertKind& kind : generic_experts()) counts.push_back(Alone(kind, r.dim).expert.parameter_count());
    CHECK(counts == std::vector<int64_t>{r.texture, r.attention, r.hybrid, r.three_alike, r.three_alike, r.three_alike,
                                         r.contrast});
  }
}

// moe/README.md has this table: camo_tests -s -tc="the cost of an expert*" prints it.
TEST_CASE("the cost of an expert: the COD family's lie within a factor of 1.5") {
  std::string table;
  double apart = 0;
  for (auto [dim, side] : {std::pair<int64_t, int64_t>{64, 56}, {128, 28}, {320, 14}, {512, 11}}) {
    int64_t least = INT64_MAX, most = 0;
    table += text("\n", dim, " channels, ", side, " x ", side, " (M multiply-adds, thousand parameters):");
    for (const Case& c : cases()) {
      Alone alone(c.kind, dim);
      NoGrad no_grad;
      debug::CountMacs macs;
      alone.expert.forward(Var(zeros({1, side, side, dim})));
      const int64_t count = macs.count();
      table += text("\n  ", c.name, "  ", double(count) * 1e-6, "  ", double(alone.expert.parameter_count()) * 1e-3);
      if (!c.name.starts_with("cod")) continue;
      least = std::min(least, count), most = std::max(most, count);
    }
    apart = std::max(apart, double(most) / double(least));
  }
  INFO(table);
  CHECK(apart < 1.5);
}

TEST_CASE("only the edge experts have buffers: three constants that are not saved") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    Alone alone(c.kind, 16);
    const auto buffers = alone.expert.named_buffers();
    CHECK(buffers.size() == (c.name.ends_with(" edge") ? 3 : 0));
    for (const auto& [name, buffer] : buffers) CHECK_MESSAGE(!buffer->saved, name);
  }
}

TEST_CASE("the parameters of the COD experts lie within a factor of 1.5") {
  for (int64_t dim : {32, 64, 160, 256}) {
    int64_t least = INT64_MAX, most = 0;
    for (const ExpertKind& kind : cod_experts()) {
      const int64_t count = kind.make(nn::Scope{}, dim)->parameter_count();
      least = std::min(least, count), most = std::max(most, count);
    }
    CAPTURE(dim);
    CHECK(double(most) < 1.5 * double(least));
  }
}
