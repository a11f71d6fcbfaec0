// Compares every backbone that has a file in tests/golden with timm: names and number of parameters, maps, gradients.
#include "tests/golden/golden.h"

#include <doctest/doctest.h>

using namespace camo;

TEST_CASE("a backbone has timm's parameters") {
  REQUIRE(golden::backbones().size() >= 5);  // the folder was found
  for (const std::string& name : golden::backbones()) golden::check_parameters(name);
}

TEST_CASE("a backbone equals timm in f64") {
  for (const std::string& name : golden::backbones()) golden::check_values(name, DType::f64);
}

// Linear attention has ReLUs, and EfficientNet-Lite has ReLU6, whose inputs are near a bend for the golden weights: in
// f32 rounding switches some, in Camo and in timm, and the gradient jumps.  So only their maps are compared in f32, and
// everything in f64.
static bool switches(const std::string& name) { return name == "pvt_v2_b2_li" || name == "efficientnet_lite0"; }

TEST_CASE("a backbone equals timm in f32") {
  for (const std::string& name : golden::backbones()) golden::check_values(name, DType::f32, !switches(name));
}
