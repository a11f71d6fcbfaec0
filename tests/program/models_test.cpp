// Every model with every backbone: `camo train` can train every combination that it accepts.
#include <doctest/doctest.h>

#include <cstdio>

#include "examples/camo/data/augment.h"
#include "examples/camo/data/dataset.h"
#include "examples/camo/data/loader.h"
#include "moe/loss.h"
#include "nn/checking/unreached.h"
#include "nn/optim.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::moe;

namespace {

/// Ten steps on one batch: the loss falls, and everything except experts that were not chosen gets a gradient.
void train_ten_steps(const CamoXpertConfig& config, const Tensor& x, const Tensor& mask) {
  CAPTURE(config.model);
  CAPTURE(config.backbone);
  CamoXpert net(nn::Scope{.seed = 1}, config);
  nn::AdamW optimizer(net, {.clip = 1});
  nn::GradientWindow window;
  std::vector<double> loss;
  for (int step = 0; step < 10; ++step) {
    net.state().next_micro_step();
    Var value = camoxpert_loss(net.forward(Var(x)), mask);
    loss.push_back(item(value.value()));
    backward(value);
    window.observe(net);
    CHECK(optimizer.step(3e-4).accepted);
    nn::commit(net);
  }
  std::vector<std::string> idle, dead;
  for (const std::string& name : nn::unreached(net, window))
    (name.find(".mixture.experts.") == std::string::npos ? dead : idle).push_back(name);
  std::printf("%-17s %-18s %4lldx%-4lld  parameters %9lld  loss %.4f -> %.4f  of experts not yet chosen %zu\n",
              config.model.c_str(), config.backbone.c_str(), (long long)x.dim(1), (long long)x.dim(2),
              (long long)net.parameter_count(), loss.front(), loss.back(), idle.size());
  std::fflush(stdout);
  CHECK(dead == std::vector<std::string>{});
  CHECK(loss.back() < loss.front());
}

CamoXpertConfig config_of(const std::string& model, const std::string& backbone, int64_t height, int64_t width) {
  return {.model = model, .backbone = backbone, .image_height = height, .image_width = width};
}

}  // namespace

TEST_CASE("every model learns from its first ten steps, and no parameter is without gradient") {
  Tensor mask = zeros({2, 64, 96, 1});
  for (int64_t i = 0; i < 2 * 64 * 96; ++i) mask.write<float>()[i] = i / 96 % 64 > 30 && i % 96 > 40;
  Tensor x = randn({2, 64, 96, 3}, 1) + mask;
  for (const std::string& model : model_names()) train_ten_steps(config_of(model, "pvt_v2_b0", 64, 96), x, mask);
}

// Half an hour on two cores: build/tests/camo_tests --no-skip -tc="*every backbone, on photographs*"
TEST_CASE("every model with every backbone, on photographs of 224 x 224 and 320 x 256" * doctest::skip()) {
  const std::string folder = test::real_photographs();
  if (folder.empty()) return;
  program::Dataset set{.pairs = program::find_pairs(folder, {"Train"}), .synthetic = {}};
  for (auto [height, width] : {std::pair<int64_t, int64_t>{224, 224}, {320, 256}}) {
    const program::ImageSize size{height, width};
    program::Sample batch =
        program::prepare({program::cut(set.load(0), size, {}), program::cut(set.load(100), size, {})}, {});
    for (const std::string& backbone : nn::backbone_names())
      for (const char* model : {"camoxpert", "camoxpert-cod", "camoxpert-sparse"})
        train_ten_steps(config_of(model, backbone, height, width), batch.image, batch.mask);
  }
}
