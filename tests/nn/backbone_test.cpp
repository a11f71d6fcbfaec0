// What every family of backbones keeps, on its smallest model; equality with timm is in FAMILY_test.cpp.
#include "nn/backbone.h"

#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "nn/optim.h"
#include "nn/state_dict.h"
#include "tensor/parallel.h"

using namespace camo;
using namespace camo::nn;

namespace {

const std::vector<std::string> kSmallest{"pvt_v2_b0", "edgenext_xx_small", "swin_tiny", "convnext_tiny"};

}  // namespace

TEST_CASE("a backbone has timm's number of parameters") {
  const std::vector<std::pair<std::string, int64_t>> counts{
      {"pvt_v2_b0", 3409760},      {"pvt_v2_b1", 13496000},        {"pvt_v2_b2", 24849856},
      {"pvt_v2_b2_li", 22040512},  {"pvt_v2_b3", 44725696},        {"pvt_v2_b4", 62043072},
      {"pvt_v2_b5", 81443008},     {"edgenext_xx_small", 1157880}, {"edgenext_x_small", 2143420},
      {"edgenext_small", 5281224}, {"edgenext_base", 17925124},    {"swin_tiny", 27517818},
      {"swin_small", 48835722},    {"convnext_tiny", 27818592},    {"convnext_small", 49453152},
      {"convnext_base", 87564416}};
  for (const auto& row : counts) {
    CAPTURE(row.first);
    CHECK(backbone(row.first, {.initialise = false})->parameter_count() == row.second);
  }
}

TEST_CASE("weight decay is for matrices and filters") {
  const std::vector<std::string> excluded{"xca.temperature", "relative_position_bias_table"};
  for (const std::string& name : kSmallest) {
    auto model = backbone(name, {.initialise = false});
    for (const Parameter& p : model->named_parameters()) {
      CAPTURE(p.name);
      bool named = false;
      for (const std::string& end : excluded) named = named || p.name.ends_with(end);
      CHECK(p.decay == (p.var.rank() > 1 && !named));
    }
  }
}

TEST_CASE("drop_path draws anew each step and rests in evaluation") {
  for (const std::string& name : kSmallest) {
    CAPTURE(name);
    auto model = backbone(name, {.seed = 4}, {.drop_path = 0.9, .height = 64, .width = 64});
    for (Parameter& p : model->named_parameters())  // a layer scale of 1e-6 would hide the branches
      if (p.name.find("gamma") != std::string::npos) fill(p.var.value(), 1);
    Var x(randn({4, 64, 64, 3}, 1));
    NoGrad no_grad;
    Tensor a = model->forward(x)[3].value();
    model->state().next_micro_step();
    CHECK_FALSE(equal_bits(a, model->forward(x)[3].value()));
    model->train(false);
    CHECK(equal_bits(model->forward(x)[3].value(), model->forward(x)[3].value()));
  }
}

TEST_CASE("a training step is the same bits for any thread count") {
  for (const std::string& name : kSmallest) {
    std::vector<NamedTensors> results;
    for (int count : {1, 2, 3}) {
      set_threads(count);
      auto model = backbone(name, {.seed = 9}, {.drop_path = 0.1, .height = 64, .width = 96});
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
}

TEST_CASE("the features of an image do not depend on its batch mates") {
  for (const std::string& name : kSmallest) {
    CAPTURE(name);
    auto model = backbone(name, {.seed = 9}, {.height = 72, .width = 92});
    Tensor images = randn({3, 72, 92, 3}, 5);
    NoGrad no_grad;
    std::vector<Var> together = model->forward(Var(images));
    for (int64_t b = 0; b < 3; ++b) {
      std::vector<Var> alone = model->forward(Var(images.slice(b, b + 1).clone()));
      for (int i = 0; i < 4; ++i) CHECK(equal_bits(alone[i].value(), together[i].value().slice(b, b + 1)));
    }
  }
}

TEST_CASE("a backbone takes bf16 images with f32 parameters") {
  for (const std::string& name : kSmallest) {
    CAPTURE(name);
    auto model = backbone(name, {.seed = 9}, {.height = 64, .width = 64});
    Var loss;
    for (const Var& f : model->forward(Var(cast(randn({1, 64, 64, 3}, 5), DType::bf16)))) {
      CHECK(f.dtype() == DType::bf16);
      loss = loss.defined() ? loss + mean(square(f)) : mean(square(f));
    }
    backward(loss);
    for (const Parameter& p : model->named_parameters()) {
      CAPTURE(p.name);
      CHECK(p.var.grad().dtype() == DType::f32);
    }
  }
}
