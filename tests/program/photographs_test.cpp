// The real photographs, if present: CAMO_DATA/camo, 855 for training and 81 for testing.
#include <doctest/doctest.h>

#include "examples/camo/data/dataset.h"
#include "tensor/ops/layout.h"
#include "tensor/ops/reduce.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;

TEST_CASE("both splits are found and every photograph has its mask") {
  const std::string folder = test::real_photographs();
  if (folder.empty()) return;
  CHECK(find_pairs(folder, {"Train"}).size() == 855);
  CHECK(find_pairs(folder, {"Test"}).size() == 81);
}

TEST_CASE("photographs and masks have one size, and every mask has an object and a background") {
  const std::string folder = test::real_photographs();
  if (folder.empty()) return;
  double share = 0;
  std::vector<Pair> pairs = find_pairs(folder, {"Test"});
  Dataset test{.pairs = pairs, .synthetic = {}};
  for (int64_t i = 0; i < test.size(); ++i) {
    Picture p = test.load(i);
    CHECK(p.image.dim(0) == p.mask.dim(0));
    CHECK(p.image.dim(1) == p.mask.dim(1));
    double object = item(mean(cast(p.mask, DType::f64))) / 255;
    CHECK(object > 0);
    CHECK(object < 1);
    share += object / double(test.size());
  }
  CHECK(share == doctest::Approx(0.156).epsilon(0.01));  // the MAE of predicting only background
}
