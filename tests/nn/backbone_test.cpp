// Properties of every backbone, tested on those with a golden file.  golden_test.cpp compares them with timm.
#include "nn/backbone.h"

#include <doctest/doctest.h>

#include "autograd/ops.h"
#include "nn/optim.h"
#include "nn/state_dict.h"
#include "tensor/parallel.h"
#include "tests/golden/golden.h"

using namespace camo;
using namespace camo::nn;

TEST_CASE("every backbone has timm's number of parameters, as its golden file states") {
  const std::map<std::string, int64_t> counts = golden::parameter_counts();
  for (const std::string& name : backbone_names()) {
    CAPTURE(name);
    REQUIRE(counts.count(name) == 1);
    CHECK(backbone(name, {.initialise = false})->parameter_count() == counts.at(name));
  }
}

TEST_CASE("a backbone may be called as timm calls it, with or without a tag, and as its repository is called") {
  CHECK(backbone_name("swin_tiny_patch4_window7_224") == "swin_tiny");
  CHECK(backbone_name("swin_small_patch4_window7_224.ms_in22k_ft_in1k") == "swin_small");
  CHECK(backbone_name("convnext_tiny.fb_in22k_ft_in1k_384") == "convnext_tiny");
  CHECK(backbone_name("timm/pvt_v2_b2_li.in1k") == "pvt_v2_b2_li");
  CHECK(backbone_name("tf_efficientnet_lite0") == "efficientnet_lite0");
  CHECK(backbone_name("timm/tf_efficientnet_lite2.in1k") == "efficientnet_lite2");
  CHECK(backbone_name("hf-hub:timm/edgenext_base.in21k_ft_in1k") == "edgenext_base");
  for (const std::string& name : backbone_names()) {
    CHECK(backbone_name(name) == name);
    CHECK(backbone_name(name + ".in1k") == name);
  }
  for (const char* unknown : {"", ".in1k", "timm/", "resnet50.a1_in1k", "pvt_v2_b", "PVT_V2_B2"})
    CHECK(backbone_name(unknown) == unknown);
  CHECK(backbone("timm/pvt_v2_b0.in1k", {.initialise = false})->parameter_count() ==
        backbone("pvt_v2_b0", {.initialise = false})->parameter_count());
  CHECK_THROWS_WITH_AS(backbone("pvt_v2_b9.in1k"), doctest::Contains("no 'pvt_v2_b9.in1k'"), ConfigError);
}

TEST_CASE("the sizes of the maps round up or down as in the family, and an image that does not fit is refused") {
  struct Sizes {
    std::string name;
    Shape image;
    int64_t rows[4], columns[4];
    Shape refused;
    std::string says;
  };
  const Sizes families[] = {
      {"pvt_v2_b0",
       {1, 250, 33, 3},
       {63, 32, 16, 8},
       {9, 5, 3, 2},
       {1, 28, 64, 3},
       "pvt_v2: images are (B, H, W, 3) with H, W >= 29, got (1, 28, 64, 3)"},
      {"edgenext_xx_small",
       {1, 250, 33, 3},
       {62, 31, 15, 7},
       {8, 4, 2, 1},
       {1, 31, 64, 3},
       "edgenext: images are (B, H, W, 3) with H, W >= 32, got (1, 31, 64, 3)"},
      {"swin_tiny",
       {1, 100, 36, 3},
       {25, 13, 7, 4},
       {9, 5, 3, 2},
       {1, 64, 66, 3},
       "swin: images are (B, H, W, 3) with H and W divisible by 4, got (1, 64, 66, 3)"},
      {"convnext_tiny",
       {1, 250, 33, 3},
       {62, 31, 15, 7},
       {8, 4, 2, 1},
       {1, 31, 64, 3},
       "convnext: images are (B, H, W, 3) with H, W >= 32, got (1, 31, 64, 3)"},
      {"efficientnet_lite0",
       {1, 250, 33, 3},
       {63, 32, 16, 8},
       {9, 5, 3, 2},
       {1, 31, 64, 4},
       "efficientnet_lite: images are (B, H, W, 3) with H, W >= 1, got (1, 31, 64, 4)"},
  };
  NoGrad no_grad;
  for (const Sizes& s : families) {
    CAPTURE(s.name);
    auto model = backbone(s.name);
    std::vector<Var> f = model->forward(Var(zeros(s.image)));
    for (int i = 0; i < 4; ++i) CHECK(f[i].shape() == Shape{1, s.rows[i], s.columns[i], model->dims[i]});
    CHECK_THROWS_WITH_AS(model->forward(Var(zeros(s.refused))), s.says.c_str(), ShapeError);
  }
  CHECK_THROWS_AS(backbone("swin_tiny", {}, {.height = 3}), ConfigError);
}

TEST_CASE("weight decay applies to matrices and filters only") {
  const std::vector<std::string> excluded{"xca.temperature", "relative_position_bias_table"};
  for (const std::string& name : golden::backbones()) {
    auto model = backbone(name, {.initialise = false});
    for (const Parameter& p : model->named_parameters()) {
      CAPTURE(p.name);
      bool named = false;
      for (const std::string& end : excluded) named = named || p.name.ends_with(end);
      CHECK(p.decay == (p.var.rank() > 1 && !named));
    }
  }
}

TEST_CASE("drop_path draws anew at each step and does nothing in evaluation") {
  for (const std::string& name : golden::backbones()) {
    CAPTURE(name);
    auto model = backbone(name, {.seed = 4}, {.drop_path = 0.9, .height = 64, .width = 64});
    for (Parameter& p : model->named_parameters())  // the initial layer scale of 1e-6 would hide the branches
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

TEST_CASE("a training step gives the same bits for any number of threads") {
  for (const std::string& name : golden::backbones()) {
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

TEST_CASE("the features of an image do not depend on the rest of the batch") {
  for (const std::string& name : golden::backbones()) {
    CAPTURE(name);
    auto model = backbone(name, {.seed = 9}, {.height = 72, .width = 92});
    model->train(false);  // in training, batch norm depends on the batch by definition
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
  for (const std::string& name : golden::backbones()) {
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
