// EfficientNet-Lite: what a comparison of maps with timm does not see.
#include "nn/backbones/efficientnet_lite.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace camo;
using namespace camo::nn;

namespace {

double deviation_of(const Var& weight) { return std::sqrt(item(mean(square(weight)).value())); }

}  // namespace

TEST_CASE("block k of N gets k / N of the drop path rate, as in timm; the norms have TensorFlow's eps") {
  EfficientNetLite net({.seed = 3}, EfficientNetLite::configs()[0], {.drop_path = 0.2});
  int64_t k = 0;
  for (auto& stage : net.blocks)
    for (auto& block : *stage) {
      CHECK(block->drop_path.p == doctest::Approx(0.2 * double(k++) / 16));
      CHECK(block->filter.norm.eps == 1e-3);
      CHECK(block->filter.norm.momentum == 0.1);
    }
  CHECK(k == 16);
  CHECK_FALSE(net.blocks[0][0].shortcut);
  CHECK_FALSE(net.blocks[1][0].shortcut);
  CHECK(net.blocks[1][1].shortcut);
  CHECK(net.normalisation == kLiteNormalisation);
}

TEST_CASE("initial weights are normal with deviation sqrt(2 / fan out), fan out being that of a group") {
  EfficientNetLite net({.seed = 3}, EfficientNetLite::configs()[0], {});
  const LiteBlock& block = net.blocks[5][1];  // 192 channels, widened to 1152, 5 x 5
  CHECK(deviation_of(block.filter.conv.weight) == doctest::Approx(std::sqrt(2.0 / 25)).epsilon(0.02));
  CHECK(deviation_of(block.widen->conv.weight) == doctest::Approx(std::sqrt(2.0 / 1152)).epsilon(0.02));
  CHECK(deviation_of(block.narrow.conv.weight) == doctest::Approx(std::sqrt(2.0 / 192)).epsilon(0.02));
  CHECK(deviation_of(net.stem.conv.weight) == doctest::Approx(std::sqrt(2.0 / (9 * 32))).epsilon(0.1));
}
