// PVTv2 against timm, and its sizes.  What every family keeps is in backbone_test.cpp.
#include <doctest/doctest.h>

#include "nn/backbone.h"
#include "tests/golden/golden.h"

using namespace camo;
using namespace camo::nn;

TEST_CASE("pvt_v2_b0 has timm's parameters") { golden::check_parameters("pvt_v2_b0"); }
TEST_CASE("pvt_v2_b0 equals timm in f64") { golden::check_values("pvt_v2_b0", DType::f64); }
TEST_CASE("pvt_v2_b0 equals timm in f32") { golden::check_values("pvt_v2_b0", DType::f32); }

TEST_CASE("pvt_v2_b2_li has timm's parameters") { golden::check_parameters("pvt_v2_b2_li"); }
TEST_CASE("pvt_v2_b2_li equals timm in f64") { golden::check_values("pvt_v2_b2_li", DType::f64); }

TEST_CASE("PVTv2: sizes round up at every stage, and too small an image is refused") {
  auto model = backbone("pvt_v2_b0");
  std::vector<Var> f = model->forward(Var(zeros({1, 250, 33, 3})));
  int64_t rows[] = {63, 32, 16, 8}, columns[] = {9, 5, 3, 2};
  for (int i = 0; i < 4; ++i) CHECK(f[i].shape() == Shape{1, rows[i], columns[i], model->dims[i]});
  CHECK_THROWS_WITH_AS(model->forward(Var(zeros({1, 28, 64, 3}))),
                       "pvt_v2: images are (B, H, W, 3) with H, W >= 29, got (1, 28, 64, 3)", ShapeError);
}
