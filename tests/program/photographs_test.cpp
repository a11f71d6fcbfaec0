// The real photographs, where they are: CAMO_DATA/camo, 855 to train on and 81 to be tested on.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>

#include "examples/camo/data/dataset.h"
#include "tensor/ops/layout.h"
#include "tensor/ops/reduce.h"

using namespace camo;
using namespace camo::program;

namespace {

/// The folder, or nothing, said aloud.
std::string photographs() {
  const char* data = std::getenv("CAMO_DATA");
  std::string folder = std::string(data ? data : "") + "/camo";
  if (data && std::filesystem::is_directory(folder)) return folder;
  MESSAGE("skipped: no photographs in '" << folder << "' [set CAMO_DATA]");
  return "";
}

}  // namespace

TEST_CASE("both splits are found and every photograph has its mask") {
  std::string folder = photographs();
  if (folder.empty()) return;
  CHECK(find_pairs(folder, {"Train"}).size() == 855);
  CHECK(find_pairs(folder, {"Test"}).size() == 81);
}

TEST_CASE("photographs and masks have one size, and every mask has an object and a background") {
  std::string folder = photographs();
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
  CHECK(share == doctest::Approx(0.156).epsilon(0.01));  // all background gives a mean absolute error of 0.156
}
