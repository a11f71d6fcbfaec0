#include <doctest/doctest.h>

#include <cmath>

#include "examples/camo/predict/mean_weights.h"
#include "examples/camo/trained/checkpoint.h"
#include "nn/layers.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;

namespace {

Tensor whole_number(int64_t n) { return full({}, double(n), DType::i64); }

/// A layer with dropout before batch norm.
struct Noisy : nn::Module {
  nn::Dropout dropout;
  nn::DropPath path;
  nn::BatchNorm norm;
  explicit Noisy(nn::Scope s)
      : Module(std::move(s)), dropout(sub("dropout"), 0.5), path(sub("path"), 0.5), norm(sub("norm"), 3) {}
  Var forward(const Var& x) { return norm.forward(path.forward(dropout.forward(x))); }
};

}  // namespace

TEST_CASE("mean_weights averages every tensor of floats, and refuses networks that differ") {
  const Tensor a = randn({3, 2}, RandomKey{.seed = 1}), b = randn({3, 2}, RandomKey{.seed = 2}),
               c = randn({3, 2}, RandomKey{.seed = 3});
  const RunWeights x{"x", {}, {{"w", a}, {"n", whole_number(3)}}}, y{"y", {}, {{"w", b}, {"n", whole_number(5)}}},
      z{"z", {}, {{"w", c}, {"n", whole_number(9)}}};
  const nn::NamedTensors mean = mean_weights({x, y, z});
  REQUIRE(mean.size() == 2);
  for (int64_t i = 0; i < 6; ++i) {
    const double expected = (double(a.read<float>()[i]) + double(b.read<float>()[i]) + double(c.read<float>()[i])) / 3;
    CHECK(mean[0].second.read<float>()[i] == float(expected));
  }
  CHECK(mean[1].second.read<int64_t>()[0] == 3);
  CHECK(equal_bits(mean_weights({x, x})[0].second, a));

  RunWeights other = y;
  other.config.chosen = 3;
  CHECK_THROWS_WITH_AS(mean_weights({x, other}),
                       "camo soup: needs runs of one configuration, but --chosen is '2' in x and '3' in y",
                       ConfigError);
  CHECK_THROWS_AS(mean_weights({x, {"y", {}, {{"w", a}}}}), WeightsError);
  CHECK_THROWS_AS(mean_weights({x, {"y", {}, {{"v", a}, {"n", whole_number(3)}}}}), WeightsError);
}

TEST_CASE("measure_batch_norm gives the mean of the batches' statistics, with dropout off") {
  Noisy layer(nn::Scope{.seed = 1});
  const std::vector<Tensor> batches{randn({7, 3}, RandomKey{.seed = 4}, 2, 3), randn({5, 3}, RandomKey{.seed = 5})};
  measure_batch_norm(layer, 2, [&](int64_t i) { layer.forward(Var(batches[size_t(i)])); });
  CHECK(!layer.training());
  for (int64_t c = 0; c < 3; ++c) {
    double mean = 0, variance = 0;
    for (const Tensor& x : batches) {
      const int64_t n = x.dim(0);
      double m = 0, v = 0;
      for (int64_t i = 0; i < n; ++i) m += double(x.read<float>()[i * 3 + c]) / double(n);
      for (int64_t i = 0; i < n; ++i) v += std::pow(double(x.read<float>()[i * 3 + c]) - m, 2) / double(n - 1);
      mean += m / 2, variance += v / 2;
    }
    CHECK(layer.norm.running_mean.value.read<float>()[c] == doctest::Approx(mean).epsilon(1e-5));
    CHECK(layer.norm.running_var.value.read<float>()[c] == doctest::Approx(variance).epsilon(1e-5));
  }
}

TEST_CASE("camo soup writes a network that other commands read") {
  test::TempFolder folder;
  const std::string run = "train --data synthetic --count 8 --size 32 --epochs 1 --batch-size 4 --threads 2 --out ";
  REQUIRE(test::run_camo(run + folder / "a").code == 0);
  REQUIRE(test::run_camo(run + folder / "b --lr 1e-3 --weights " + folder / "a").code == 0);
  const std::string to = "soup " + folder / "a " + folder / "b --out " + folder / "c.safetensors";
  const test::ProcessResult soup = test::run_camo(to + " --count 7");
  CHECK(soup.code == 0);
  CHECK(test::contains(soup.out, "the mean of 2 networks; batch norm measured on 4 photographs"));  // whole batches
  CHECK(test::contains(test::run_camo(to).error, "exists [--overwrite]"));
  const std::string few = test::run_camo(to + " --overwrite --count 1").error;
  CHECK_MESSAGE(test::contains(few, "from 2 to"), few);
  CHECK(test::run_camo("eval --data synthetic --count 4 --weights " + folder / "c.safetensors").code == 0);
  CHECK(test::contains(test::run_camo("soup " + folder / "a --out " + folder / "d.safetensors").error, "two or more"));

  // Of a run with itself only batch norm changes.
  REQUIRE(test::run_camo("soup " + folder / "a " + folder / "a --count 8 --out " + folder / "same.safetensors").code ==
          0);
  const NetworkFile before = read_network(folder / "a"), after = read_network(folder / "same.safetensors");
  bool statistics = false;
  for (size_t i = 0; i < before.weights.size(); ++i) {
    const auto& [name, tensor] = before.weights[i];
    const bool changed = !equal_bits(tensor, after.weights[i].second);
    if (changed) CHECK_MESSAGE((name.find("running_") != name.npos || name.find("num_batches") != name.npos), name);
    statistics |= changed;
  }
  CHECK(statistics);
}
