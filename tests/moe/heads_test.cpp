// Search, reverse attention, uncertainty, refinement: sizes, definitions, gradients, independence of the
// rest of the batch.
#include "moe/heads.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nn/checking/layer_case.h"
#include "tests/moe/naive_map.h"

using namespace camo;
using namespace camo::moe;
using namespace camo::test;

namespace {

/// Parameters and buffers: batch norm in evaluation reads both.
Parameters all_of(const nn::Module& module) {
  Parameters out = parameters_of(module);
  for (const auto& [name, buffer] : module.named_buffers()) out[name] = numbers(buffer->value);
  return out;
}

/// The definition of relu(batch norm(convolution)), with the running statistics.
Map block(const Parameters& p, const std::string& name, const Map& x) {
  const Numbers &weight = p.at(name + ".conv.weight"), &bias = p.at(name + ".conv.bias");
  const int O = int(bias.size()), k = int(std::lround(std::sqrt(double(weight.size()) / (O * x.C))));
  Map y = conv(x, weight, bias, O, k);
  for (size_t i = 0; i < y.v.size(); ++i) {
    const size_t c = i % size_t(O);
    auto of = [&](const char* part) { return p.at(name + ".norm." + part)[c]; };
    const double a = (y.v[i] - of("running_mean")) / std::sqrt(of("running_var") + 1e-5) * of("weight") + of("bias");
    y.v[i] = std::max(a, 0.0);
  }
  return y;
}

Map plus(const Map& a, const Map& b) {
  return each(a, b, [](double x, double y) { return x + y; });
}
/// Multiplies every channel of x by the single channel of gate.
Map gated(Map x, const Map& gate) {
  for (size_t i = 0; i < x.v.size(); ++i) x.v[i] *= gate.v[i / size_t(x.C)];
  return x;
}

/// A head in evaluation mode with running statistics, gains and biases unlike those of a fresh network.
template <class Head, class... Args> struct Used {
  Head head;
  explicit Used(DType dtype, Args... args) : head(nn::Scope{.dtype = dtype, .seed = 5}, args...) {
    uint64_t seed = 40;
    for (auto& [name, buffer] : head.named_buffers())
      if (name.find("running") != std::string::npos)
        buffer->value =
            scale(rand(buffer->value.shape(), ++seed, dtype), 0.5, name.find("var") == std::string::npos ? -0.2 : 0.6);
    head.train(false);
  }
};

Tensor drawn(DType dtype) { return randn({1, 4, 5, 8}, 3, dtype); }
Map map_of(const Tensor& x) { return Map(int(x.dim(1)), int(x.dim(2)), int(x.dim(3)), numbers(x)); }

/// Compares the two results of a head with their definitions in f32, and checks the gradients of both in f64.
template <class Head, class... Args, class Definition> void check_head(const Definition& definition, Args... args) {
  Used<Head, Args...> single(DType::f32, args...), exact(DType::f64, args...);
  auto [first, second] = single.head.forward(Var(drawn(DType::f32)));
  auto [a, b] = definition(all_of(single.head), map_of(drawn(DType::f32)));
  CHECK(largest_difference(first.value(), a.v) < 1e-5);
  CHECK(largest_difference(second.value(), b.v) < 1e-5);
  auto joined = [&](const Var& x) {
    auto [y, z] = exact.head.forward(x);
    return concat({y, z}, -1);
  };
  CHECK(gradient_error(exact.head, joined, {1, 4, 5, 8}) < 1e-6);
}

}  // namespace

TEST_CASE("heads of 64 channels have as many parameters as the tables of their sources say") {
  nn::Scope s;
  CHECK(Search(s, 64).parameter_count() == 69217);
  CHECK(Search(s, 512).parameter_count() == 4395777);
  CHECK(ReverseAttention(s, 64).parameter_count() == 97889);
  CHECK(BoundaryUncertainty(s, 64).parameter_count() == 74178);
  CHECK(Refinement(s, 64, 2).parameter_count() == 150658);
}

TEST_CASE("search: x + identify(x), weighted by the search mask") {
  check_head<Search>(
      [](const Parameters& p, const Map& x) {
        Map logits = linear(p, "head", block(p, "look_again", block(p, "look", x)));
        Map found = block(p, "mix", block(p, "identify", x));
        return std::pair(plus(x, gated(found, each(logits, sigmoid1))), logits);
      },
      8);
}

TEST_CASE("reverse attention: the features see the background map, and count outside of the background") {
  check_head<ReverseAttention>(
      [](const Parameters& p, const Map& x) {
        Map background = linear(p, "background", block(p, "squeeze_again", block(p, "squeeze", x)));
        Map object = each(background, [](double z) { return -z; });
        Map seen = block(p, "refine_again", block(p, "refine", side_by_side({x, each(background, sigmoid1)})));
        return std::pair(plus(x, gated(seen, each(object, sigmoid1))), object);
      },
      8);
}

TEST_CASE("uncertainty: a guess of the mask, and a positive error") {
  check_head<BoundaryUncertainty>(
      [](const Parameters& p, const Map& x) {
        Map y = block(p, "shared", x);
        Map u = each(linear(p, "unsure", block(p, "unsure_block", y)),
                     [](double z) { return std::log1p(std::exp(z)) + BoundaryUncertainty::kLeast; });
        return std::pair(linear(p, "mean", block(p, "mean_block", y)), u);
      },
      8);
}

TEST_CASE("refinement: each step corrects the logits, most where the image is uncertain") {
  Used<Refinement, int, int> single(DType::f32, 8, 2), exact(DType::f64, 8, 2);
  auto guess = [](DType dtype) { return randn({1, 4, 5, 1}, 8, dtype); };
  auto unsure = [](DType dtype) { return rand({1, 4, 5, 1}, 9, dtype); };
  std::vector<Var> got = single.head.forward(Var(drawn(DType::f32)), Var(guess(DType::f32)), Var(unsure(DType::f32)));
  REQUIRE(got.size() == 2);

  const Parameters p = all_of(single.head);
  Map x = map_of(drawn(DType::f32)), logits = map_of(guess(DType::f32)), u = map_of(unsure(DType::f32));
  const double most = *std::max_element(u.v.begin(), u.v.end());
  u = each(u, [&](double a) { return a / most; });
  for (const std::string step : {"steps.0", "steps.1"}) {
    Map seen = block(p, step + ".look_again", block(p, step + ".look", side_by_side({x, logits, u})));
    logits = plus(logits, linear(p, step + ".correction", gated(seen, each(u, [](double a) { return 1 + a; }))));
    CHECK(largest_difference(got[step == "steps.0" ? 0 : 1].value(), logits.v) < 1e-5);
  }

  auto both = [&](const Var& in) {
    std::vector<Var> steps = exact.head.forward(in, Var(guess(DType::f64)), Var(unsure(DType::f64)));
    return concat({steps[0], steps[1]}, -1);
  };
  CHECK(gradient_error(exact.head, both, {1, 4, 5, 8}) < 1e-6);
}

TEST_CASE("refinement of an image does not depend on the uncertainty of other images in the batch") {
  Used<Refinement, int, int> used(DType::f32, 8, 2);
  Tensor x = randn({2, 4, 5, 8}, 1), z = randn({2, 4, 5, 1}, 2), u = rand({2, 4, 5, 1}, 3);
  for (int64_t i = 20; i < 40; ++i) u.write<float>()[i] *= 100;
  Tensor together = used.head.forward(Var(x), Var(z), Var(u))[1].value();
  Tensor alone = used.head.forward(Var(x.slice(0, 1)), Var(z.slice(0, 1)), Var(u.slice(0, 1)))[1].value();
  CHECK(equal_bits(together.slice(0, 1), alone));
}
