#include "tests/golden/golden.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "autograd/gradient_check.h"
#include "autograd/ops.h"
#include "nn/backbone.h"
#include "nn/state_dict.h"

namespace camo::golden {

std::vector<double> counter(const std::string& name, int64_t n) {
  std::vector<double> out;
  for (uint64_t i = 0, start = hash(name); i < uint64_t(n); ++i) {
    uint64_t z = start + i * 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    out.push_back(double(z >> 40) / (1 << 23) - 1);
  }
  return out;
}

Tensor weight(const std::string& name, const Shape& shape) {
  std::vector<double> u = counter(name, shape.numel());
  double spread = shape.rank() > 1 ? std::sqrt(3 / double(shape.product(1, shape.rank()))) : 0;
  for (double& x : u) {
    if (shape.rank() > 1) x = x * spread;
    else x = name.ends_with("weight") || name.ends_with("running_var") ? 1 + 0.25 * x : 0.25 * x;
    x = float(x);
  }
  return from(u, shape);
}

namespace {

using nlohmann::json;

std::string path(const std::string& name) { return CAMO_SOURCE_DIR "/tests/golden/" + name + ".json"; }
json read(const std::string& name) { return json::parse(std::ifstream(path(name))); }

/// (B, H, W, C) in PyTorch's element order.
Tensor nchw(const Tensor& x) { return permute(x, {0, 3, 1, 2}); }

/// Relative error of x (in PyTorch's element order) against its digest: the L2 error over the samples,
/// and the two sums.
double error(const Tensor& x, const json& truth, const std::string& name) {
  std::vector<double> v = to_vector<double>(x), u = counter(name, x.numel());
  double absolute = 0, dot = 0;
  for (size_t i = 0; i < v.size(); ++i) absolute += std::abs(v[i]), dot += v[i] * u[i];
  double size = truth["abs"];
  double worst = test::worse(std::abs(absolute - size), std::abs(dot - double(truth["dot"]))) / size;
  if (truth.contains("samples")) {
    double off = 0, square = 0;
    size_t count = truth["samples"].size();
    for (size_t i = 0; i < count; ++i) {
      double t = truth["samples"][i], d = v[i * v.size() / count] - t;
      off += d * d, square += t * t;
    }
    worst = test::worse(worst, off == 0 ? 0 : std::sqrt(off / square));  // 0 / 0: taps that read only padding
  }
  return worst;
}

struct Errors {
  double features = 0, gradients = 0;
  std::string worst_gradient;
};

Errors compare(const std::string& name, const json& run, DType dtype) {
  int64_t B = run["batch"], H = run["height"], W = run["width"];
  auto model = nn::backbone(name, {.dtype = dtype, .initialise = false}, {.height = H, .width = W});
  set_weights(*model);
  model->train(false);
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

  auto gradient = [&](const std::string& key, const Tensor& g) {
    double e = error(g, run["gradients"][key], key + " gradient");
    if (e > out.gradients) out.gradients = e, out.worst_gradient = key;
  };
  gradient("image", nchw(x.grad()));
  for (const nn::Parameter& p : model->named_parameters()) {
    CAPTURE(p.name);
    REQUIRE(p.var.grad().defined());
    if (run["gradients"].contains(p.name)) gradient(p.name, nn::to_file(p.var.grad(), p.layout));
  }
  return out;
}

}  // namespace

void set_weights(nn::Module& model) {
  nn::NamedTensors weights;
  for (const auto& [name, t] : nn::state_dict(model))
    weights.emplace_back(name, is_float(t.dtype()) ? weight(name, t.shape()) : t);
  nn::load_state_dict(model, weights);
}

std::vector<std::string> backbones() {
  std::vector<std::string> out;
  for (const std::string& name : nn::backbone_names())
    if (std::filesystem::exists(path(name))) out.push_back(name);
  return out;
}

std::map<std::string, int64_t> parameter_counts() {
  std::map<std::string, int64_t> out;
  for (const std::string& name : backbones()) {
    const json file = read(name);
    out[name] = file["parameters"];
    for (const auto& [sibling, count] : file.at("siblings").items()) out[sibling] = count;
  }
  return out;
}

void check_parameters(const std::string& name) {
  const json file = read(name), &gradients = file["runs"][0]["gradients"];
  auto model = nn::backbone(name, {.initialise = false});
  CHECK(model->parameter_count() == file["parameters"]);
  CHECK(model->named_parameters().size() + 1 == gradients.size());  // +1: the gradient of the image
  for (const nn::Parameter& p : model->named_parameters()) {
    CAPTURE(p.name);
    CHECK(gradients.contains(p.name));
  }
}

void check_values(const std::string& name, DType dtype, bool gradients) {
  const json file = read(name);
  for (const json& run : file["runs"]) {
    Errors e = compare(name, run, dtype);
    MESSAGE(text(name, " ", dtype, ", height ", run["height"].get<int>(), ": features ", e.features, ", gradients ",
                 e.gradients, " (", e.worst_gradient, ")"));
    CHECK(e.features < (dtype == DType::f64 ? 1e-11 : 5e-6));
    if (gradients) CHECK(e.gradients < (dtype == DType::f64 ? 1e-10 : 5e-5));
  }
}

}  // namespace camo::golden
