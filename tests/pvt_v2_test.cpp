// PVTv2 against timm: features and gradients at 64 x 64 and at an odd size, from tests/peers/pvt_v2_golden.py.
// Weights, images and projections come from one counter formula in both languages.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "autograd/ops.h"
#include "nn/backbone.h"
#include "nn/optim.h"
#include "nn/state_dict.h"
#include "tensor/ops/layout.h"
#include "tensor/parallel.h"

using namespace camo;
using namespace camo::nn;
using nlohmann::json;

namespace {

/// Uniform in [-1, 1), 24 bits, element i from the mixed word of hash(name) + i * odd constant.
std::vector<double> counter(const std::string& name, int64_t n) {
  std::vector<double> out;
  for (uint64_t i = 0; i < uint64_t(n); ++i) {
    uint64_t z = hash(name) + i * 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    out.push_back(double(z >> 40) / (1 << 23) - 1);
  }
  return out;
}

/// The file-layout weight of that name, rounded to f32.
Tensor golden_weight(const std::string& name, const Shape& shape) {
  std::vector<double> u = counter(name, shape.numel());
  double spread = shape.rank() > 1 ? std::sqrt(3 / double(shape.product(1, shape.rank()))) : 0;
  for (double& x : u) {
    if (shape.rank() > 1) x = x * spread;
    else x = name.ends_with("weight") ? 1 + 0.25 * x : 0.25 * x;
    x = float(x);
  }
  return from(u, shape);
}

void set_weights(Module& model) {
  NamedTensors weights;
  for (const auto& [name, t] : state_dict(model)) weights.emplace_back(name, golden_weight(name, t.shape()));
  load_state_dict(model, weights);
}

const json& golden() {
  static const json file = json::parse(std::ifstream(CAMO_SOURCE_DIR "/tests/golden/pvt_v2_b0.json"));
  return file;
}

/// (B, H, W, C) in PyTorch's element order.
Tensor nchw(const Tensor& x) { return permute(x, {0, 3, 1, 2}); }

/// Relative error of x (in PyTorch's element order) against its digest: L2 over the samples, and the two sums.
double error(const Tensor& x, const json& truth, const std::string& name) {
  std::vector<double> v = to_vector<double>(x), u = counter(name, x.numel());
  double absolute = 0, dot = 0;
  for (size_t i = 0; i < v.size(); ++i) absolute += std::abs(v[i]), dot += v[i] * u[i];
  double size = truth["abs"];
  double worst = std::max(std::abs(absolute - size), std::abs(dot - double(truth["dot"]))) / size;
  if (truth.contains("samples")) {
    double off = 0, square = 0;
    size_t count = truth["samples"].size();
    for (size_t i = 0; i < count; ++i) {
      double t = truth["samples"][i], d = v[i * v.size() / count] - t;
      off += d * d, square += t * t;
    }
    worst = std::max(worst, std::sqrt(off / square));
  }
  return worst == worst ? worst : 1e30;
}

struct Errors { double features = 0, gradients = 0; std::string worst_gradient; };

/// One run of the golden file in the given type.
Errors compare(const json& run, DType dtype) {
  auto model = backbone("pvt_v2_b0", Scope{.dtype = dtype});
  set_weights(*model);
  int64_t B = run["batch"], H = run["height"], W = run["width"];
  Tensor image = from(counter(text("image ", H, "x", W), B * 3 * H * W), {B, 3, H, W});
  Var x = Var::leaf(cast(permute(image, {0, 2, 3, 1}), dtype));
  std::vector<Var> features = model->forward(x);

  Errors out;
  Var loss;
  for (int i = 0; i < 4; ++i) {
    const json& truth = run["features"][size_t(i)];
    Tensor f = nchw(features[i].value());
    REQUIRE(std::vector<int64_t>(f.shape().begin(), f.shape().end()) == truth["shape"].get<std::vector<int64_t>>());
    out.features = std::max(out.features, error(f, truth, text("feature ", i)));
    Tensor p = permute(from(counter(text("projection ", i), f.numel()), f.shape()), {0, 2, 3, 1});
    Var part = sum(features[i] * Var(cast(p, dtype))) / std::sqrt(double(f.numel()));
    loss = i ? loss + part : part;
  }
  CHECK(item(loss.value()) == doctest::Approx(run["loss"].get<double>()).epsilon(dtype == DType::f64 ? 1e-11 : 1e-4));
  backward(loss);

  auto gradient = [&](const std::string& name, const Tensor& g) {
    double e = error(g, run["gradients"][name], name + " gradient");
    if (e > out.gradients) out.gradients = e, out.worst_gradient = name;
  };
  gradient("image", nchw(x.grad()));
  for (const Parameter& p : model->named_parameters()) {
    CAPTURE(p.name);
    REQUIRE(p.var.grad().defined());
    gradient(p.name, to_file(p.var.grad(), p.layout));
  }
  return out;
}

}  // namespace

TEST_CASE("pvt_v2_b0 has timm's parameters") {
  auto model = backbone("pvt_v2_b0", Scope{});
  CHECK(model->parameter_count() == 3409760);
  CHECK(golden()["parameters"] == 3409760);
  CHECK(model->named_parameters().size() == 176);
  CHECK(golden()["runs"][0]["gradients"].size() == 177);  // and the image
  for (const Parameter& p : model->named_parameters()) {
    CAPTURE(p.name);
    CHECK(golden()["runs"][0]["gradients"].contains(p.name));
  }
}

TEST_CASE("the larger variants count what timm counts") {
  CHECK(backbone("pvt_v2_b2", Scope{})->parameter_count() == 24849856);
  CHECK(backbone("pvt_v2_b5", Scope{})->parameter_count() == 81443008);
}

TEST_CASE("pvt_v2_b0 features and gradients equal timm's in f64") {
  for (const json& run : golden()["runs"]) {
    Errors e = compare(run, DType::f64);
    MESSAGE("f64 ", run["height"].get<int>(), ": features ", e.features, ", gradients ", e.gradients, " (",
            e.worst_gradient, ")");
    CHECK(e.features < 1e-11);
    CHECK(e.gradients < 1e-10);
  }
}

TEST_CASE("pvt_v2_b0 features in f32 equal timm's to 5e-6") {
  for (const json& run : golden()["runs"]) {
    Errors e = compare(run, DType::f32);
    MESSAGE("f32 ", run["height"].get<int>(), ": features ", e.features, ", gradients ", e.gradients, " (",
            e.worst_gradient, ")");
    CHECK(e.features < 5e-6);
    CHECK(e.gradients < 5e-5);
  }
}

TEST_CASE("sizes round up at every stage, and too small an image is refused") {
  auto model = backbone("pvt_v2_b0", Scope{}, {.drop_path = 0.1});
  std::vector<Var> f = model->forward(Var(zeros({1, 250, 33, 3})));
  int64_t rows[] = {63, 32, 16, 8}, columns[] = {9, 5, 3, 2};
  for (int i = 0; i < 4; ++i) CHECK(f[i].shape() == Shape{1, rows[i], columns[i], model->dims[i]});
  CHECK_THROWS_WITH_AS(model->forward(Var(zeros({1, 28, 64, 3}))),
                       "pvt_v2: images are (B, H, W, 3) with H, W >= 29, got (1, 28, 64, 3)", ShapeError);
}

TEST_CASE("drop_path grows with depth and rests in evaluation") {
  auto model = backbone("pvt_v2_b0", Scope{.seed = 4}, {.drop_path = 0.9});
  Var x(randn({4, 64, 64, 3}, 1));
  Tensor a = model->forward(x)[3].value();
  model->state().next_micro_step();
  CHECK_FALSE(equal_bits(a, model->forward(x)[3].value()));
  model->train(false);
  CHECK(equal_bits(model->forward(x)[3].value(), model->forward(x)[3].value()));
}

TEST_CASE("a training step is the same bits for any thread count") {
  std::vector<NamedTensors> results;
  for (int count : {1, 2, 3}) {
    set_threads(count);
    auto model = backbone("pvt_v2_b0", Scope{.seed = 9}, {.drop_path = 0.1});
    AdamW optimizer(*model, {.clip = 1});
    for (int step = 0; step < 2; ++step) {
      model->state().next_micro_step();
      Var loss;
      for (const Var& f : model->forward(Var(randn({2, 64, 96, 3}, uint64_t(step)))))
        loss = loss.defined() ? loss + mean(square(f)) : mean(square(f));
      backward(loss);
      CHECK(optimizer.step(1e-3).accepted);
    }
    results.push_back(state_dict(*model));
  }
  set_threads(0);
  for (size_t i = 0; i < results[0].size(); ++i) {
    CAPTURE(results[0][i].first);
    CHECK(equal_bits(results[0][i].second, results[1][i].second));
    CHECK(equal_bits(results[0][i].second, results[2][i].second));
  }
}

TEST_CASE("the features of an image do not depend on its batch mates") {
  auto model = backbone("pvt_v2_b0", Scope{.seed = 9});
  Tensor images = randn({3, 70, 91, 3}, 5);
  NoGrad no_grad;
  std::vector<Var> together = model->forward(Var(images));
  for (int64_t b = 0; b < 3; ++b) {
    std::vector<Var> alone = model->forward(Var(images.slice(b, b + 1).clone()));
    for (int i = 0; i < 4; ++i) CHECK(equal_bits(alone[i].value(), together[i].value().slice(b, b + 1)));
  }
}
