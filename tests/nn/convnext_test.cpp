// ConvNeXt against timm, and its sizes.  What every family keeps is in backbone_test.cpp.
#include <doctest/doctest.h>

#include "nn/backbone.h"
#include "tests/golden/golden.h"

using namespace camo;
using namespace camo::nn;

TEST_CASE("convnext_tiny has timm's parameters") { golden::check_parameters("convnext_tiny"); }
TEST_CASE("convnext_tiny equals timm in f64") { golden::check_values("convnext_tiny", DType::f64); }
TEST_CASE("convnext_tiny equals timm in f32") { golden::check_values("convnext_tiny", DType::f32); }

TEST_CASE("ConvNeXt: sizes round down at every stage, and too small an image is refused") {
  auto model = backbone("convnext_tiny");
  NoGrad no_grad;
  std::vector<Var> f = model->forward(Var(zeros({1, 250, 33, 3})));
  int64_t rows[] = {62, 31, 15, 7}, columns[] = {8, 4, 2, 1};
  for (int i = 0; i < 4; ++i) CHECK(f[i].shape() == Shape{1, rows[i], columns[i], model->dims[i]});
  CHECK_THROWS_WITH_AS(model->forward(Var(zeros({1, 31, 64, 3}))),
                       "convnext: images are (B, H, W, 3) with H, W >= 32, got (1, 31, 64, 3)", ShapeError);
}
