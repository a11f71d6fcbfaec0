// The whole network: sizes, independence of the rest of the batch, learning.
#include <doctest/doctest.h>

#include <cmath>

#include "moe/loss.h"
#include "nn/checking/unreached.h"
#include "nn/optim.h"
#include "tensor/parallel.h"

using namespace camo;
using namespace camo::moe;

namespace {

CamoXpertConfig small(const std::string& model) {
  return {.model = model, .drop_path = 0, .width = 32, .head_width = 16};
}
const CamoXpertConfig kSmall = small("camoxpert-sparse");

/// Noise with a brightened disc of the same noise: images (B, size, size, 3) and masks.
std::pair<Tensor, Tensor> discs(int64_t B, int64_t size) {
  Tensor x = randn({B, size, size, 3}, 1), mask = zeros({B, size, size, 1});
  Random random({.seed = 2, .domain = Domain::test});
  for (int64_t b = 0; b < B; ++b) {
    const double r = size * random.uniform(0.15, 0.3), ch = random.uniform(r, size - r),
                 cw = random.uniform(r, size - r);
    for (int64_t h = 0; h < size; ++h)
      for (int64_t w = 0; w < size; ++w) {
        if (std::hypot(double(h) - ch, double(w) - cw) > r) continue;
        mask.write<float>()[(b * size + h) * size + w] = 1;
        for (int64_t c = 0; c < 3; ++c) x.write<float>()[((b * size + h) * size + w) * 3 + c] += 1;
      }
  }
  return {x, mask};
}

/// Mean over images of the IoU at logit 0.
double iou(const Tensor& logits, const Tensor& mask) {
  const int64_t B = mask.dim(0), n = mask.numel() / B;
  double total = 0;
  for (int64_t b = 0; b < B; ++b) {
    int64_t both = 0, either = 0;
    for (int64_t i = b * n; i < (b + 1) * n; ++i) {
      const bool found = logits.read<float>()[i] > 0, there = mask.read<float>()[i] > 0;
      both += found && there, either += found || there;
    }
    total += double(both) / double(std::max<int64_t>(either, 1)) / double(B);
  }
  return total;
}

}  // namespace

TEST_CASE("any image size gives logits of that size, in every model") {
  for (const std::string& model : model_names()) {
    CAPTURE(model);
    CamoXpert net(nn::Scope{.seed = 1}, small(model));
    net.train(false);
    NoGrad no_grad;
    for (auto [H, W] : {std::pair{64, 64}, {33, 95}, {1, 1}, {96, 31}}) {
      CamoXpertOut out = net.forward(Var(randn({1, H, W, 3}, 2)));
      CHECK(out.logits.shape() == Shape{1, H, W, 1});
      CHECK(all_finite(out.logits.value()));
      const int64_t h = (H + 31) / 32, w = (W + 31) / 32;
      CHECK(out.deep[0].shape() == Shape{1, 4 * h, 4 * w, 1});
      CHECK(out.deep[1].shape() == Shape{1, 2 * h, 2 * w, 1});
      CHECK(std::isfinite(item(camoxpert_loss(out, zeros({1, H, W, 1})).value())));
      CHECK(out.stats.size() == (model == "camoxpert" || model == "camoxpert-sparse" ? 4 : 0));
      CHECK(out.search.defined() == (model != "camoxpert"));
      if (model == "camoxpert") continue;
      CHECK(out.search.shape() == Shape{1, h, w, 1});
      for (const Var& map : {out.reverse, out.uncertainty, out.steps.at(0), out.steps.at(1)})
        CHECK(map.shape() == Shape{1, 8 * h, 8 * w, 1});
    }
    CHECK_THROWS_AS(net.forward(Var(zeros({1, 32, 32, 4}))), ShapeError);
  }
}

TEST_CASE("an image of any size is padded at the bottom and right, and its map is the top left part of the whole one") {
  for (const std::string& model : model_names()) {
    CAPTURE(model);
    CamoXpert net(nn::Scope{.seed = 1}, small(model));
    net.train(false);
    NoGrad no_grad;
    const Tensor x = randn({1, 33, 95, 3}, 2);
    Tensor whole = zeros({1, 64, 96, 3});  // multiples of 32
    for (int64_t h = 0; h < 33; ++h)
      for (int64_t i = 0; i < 95 * 3; ++i) whole.write<float>()[h * 96 * 3 + i] = x.read<float>()[h * 95 * 3 + i];
    const Tensor part = net.forward(Var(x)).logits.value(), all = net.forward(Var(whole)).logits.value();
    int64_t wrong = 0;
    for (int64_t h = 0; h < 33; ++h)
      for (int64_t w = 0; w < 95; ++w) wrong += part.read<float>()[h * 95 + w] != all.read<float>()[h * 96 + w];
    CHECK(wrong == 0);
  }
}

TEST_CASE("the auxiliary loss is the sum over all scales") {
  for (const char* model : {"camoxpert", "camoxpert-sparse"}) {
    CAPTURE(model);
    CamoXpertConfig config = small(model);
    config.mixture.balancing = Balancing::auxiliary, config.mixture.auxiliary = 0.5;
    CamoXpert net(nn::Scope{.seed = 1}, config);
    const CamoXpertOut out = net.forward(Var(randn({3, 64, 64, 3}, 2)));
    REQUIRE(out.stats.size() == 4);
    double sum = 0;
    for (const MoeStats& stats : out.stats) sum += 0.5 * item(stats.auxiliary);
    CHECK(item(out.aux_loss.value()) == doctest::Approx(sum).epsilon(1e-6));
    CHECK(sum > 4 * 0.4);
  }
}

TEST_CASE("an unknown model, or routing by pixel with convolutional experts: the error lists what exists") {
  CHECK_THROWS_WITH_AS(CamoXpert(nn::Scope{}, {.model = "camoxprt"}), doctest::Contains("camoxpert-sparse"),
                       ConfigError);
  CHECK_THROWS_AS(CamoXpert(nn::Scope{}, {.mixture = {.routing = Routing::pixel}}), ConfigError);
  CHECK_THROWS_AS(CamoXpert(nn::Scope{}, {.experts = 3, .mixture = {.chosen = 4}}), ConfigError);
}

TEST_CASE("2 to 16 experts, with 1 to all of them chosen, routed by image and by tile") {
  Tensor x = randn({2, 32, 64, 3}, 2);
  for (auto [experts, chosen] : {std::pair<int64_t, int64_t>{2, 1}, {2, 2}, {7, 3}, {16, 1}, {16, 16}})
    for (Routing routing : {Routing::image, Routing::tile}) {
      CamoXpertConfig config = small("camoxpert-sparse");
      config.experts = experts, config.mixture = {.chosen = chosen, .routing = routing, .tile = 2};
      CamoXpert net(nn::Scope{.seed = 1}, config);
      net.state().next_micro_step();
      CamoXpertOut out = net.forward(Var(x));
      CHECK(out.stats[0].load.size() == size_t(experts));
      backward(camoxpert_loss(out, zeros({2, 32, 64, 1})));
      CHECK(net.scales[0].mixture->router.gate.weight.grad().defined());
    }
}

TEST_CASE("bf16 images give f32 logits close to those of f32") {
  CamoXpert net(nn::Scope{.seed = 1}, kSmall);
  net.train(false);
  NoGrad no_grad;
  Tensor x = randn({2, 64, 64, 3}, 2), exact = net.forward(Var(x)).logits.value();
  CamoXpertOut out = net.forward(Var(cast(x, DType::bf16)));
  CHECK(out.logits.dtype() == DType::f32);
  CHECK(out.search.dtype() == DType::f32);
  // Routing could differ for an image with nearly equal logits; these two images have none.
  CHECK(sum_of_squares(out.logits.value() - exact) < 0.01 * sum_of_squares(exact));
}

TEST_CASE("a prediction has the same bits whatever the rest of the batch and the number of threads") {
  for (const std::string& model : model_names()) {
    CAPTURE(model);
    CamoXpert net(nn::Scope{.seed = 1}, small(model));
    net.train(false);
    NoGrad no_grad;
    Tensor x = randn({3, 64, 96, 3}, 2), together = net.forward(Var(x)).logits.value();
    for (int64_t b = 0; b < 3; ++b)
      CHECK(equal_bits(net.forward(Var(x.slice(b, b + 1))).logits.value(), together.slice(b, b + 1)));
    Tensor order = from<int64_t>({2, 0}, {2});
    CHECK(equal_bits(net.forward(Var(gather_rows(x, order))).logits.value(), gather_rows(together, order)));
    set_threads(1);
    CHECK(equal_bits(net.forward(Var(x)).logits.value(), together));
    set_threads(0);
  }
}

TEST_CASE("within some steps every parameter of every model gets a finite gradient") {
  auto [x, mask] = discs(12, 32);
  for (const std::string& model : model_names()) {
    CAPTURE(model);
    CamoXpert net(nn::Scope{.seed = 1}, small(model));
    nn::GradientWindow window;
    for (int step = 0; step < 40; ++step) {
      nn::zero_grad(net);
      net.state().next_micro_step();
      backward(camoxpert_loss(net.forward(Var(x)), mask));
      nn::commit(net);
      window.observe(net);
      for (const nn::Parameter& p : net.named_parameters())
        if (p.var.grad().defined()) CHECK(all_finite(p.var.grad()));
    }
    CHECK(nn::unreached(net, window) == std::vector<std::string>{});
  }
}

TEST_CASE("every parameter of a backbone of each family gets a finite gradient from images of 70 x 100") {
  for (const char* name : {"pvt_v2_b2_li", "edgenext_xx_small", "swin_tiny", "convnext_tiny"}) {
    CAPTURE(name);
    CamoXpert net(nn::Scope{.seed = 1}, {.backbone = name, .width = 8, .image_height = 70, .image_width = 100});
    net.state().next_micro_step();
    CamoXpertOut out = net.forward(Var(randn({1, 70, 100, 3}, 2)));
    CHECK(out.logits.shape() == Shape{1, 70, 100, 1});
    backward(camoxpert_loss(out, zeros({1, 70, 100, 1})));
    for (const nn::Parameter& p : net.backbone->named_parameters()) {
      CAPTURE(p.name);
      REQUIRE(p.var.grad().defined());
      CHECK(all_finite(p.var.grad()));
    }
  }
}

TEST_CASE("the network memorises four images: IoU above 0.9") {
  CamoXpert net(nn::Scope{.seed = 1}, kSmall);
  auto [x, mask] = discs(4, 64);
  nn::AdamW optimizer(net, {.clip = 1});
  double reached = 0;
  for (int step = 0; step < 300 && reached < 0.92; ++step) {
    net.state().next_micro_step();
    backward(camoxpert_loss(net.forward(Var(x)), mask));
    CHECK(optimizer.step(1e-3).accepted);
    nn::commit(net);
    if (step % 10 != 9) continue;
    NoGrad no_grad;  // with the running statistics, as a user would
    net.train(false);
    reached = iou(net.forward(Var(x)).logits.value(), mask);
    net.train(true);
  }
  CHECK(reached > 0.9);
}
