#include "examples/camo/data/synth.h"

#include <doctest/doctest.h>

#include <cmath>

#include "examples/camo/data/baseline.h"
#include "tensor/image/image.h"
#include "tensor/random.h"

using namespace camo;
using namespace camo::program;

namespace {

double foreground(const Tensor& mask) {
  double n = 0;
  for (int64_t i = 0; i < mask.numel(); ++i) n += mask.read<uint8_t>()[i] == 255;
  return n / double(mask.numel());
}

std::vector<SynthPair> series(uint64_t seed, uint64_t count, double difficulty = 0.5) {
  std::vector<SynthPair> out;
  for (uint64_t i = 0; i < count; ++i) out.push_back(make_synthetic(seed, i, 64, 64, difficulty));
  return out;
}

}  // namespace

TEST_CASE("a synthetic picture depends on seed, index, size and difficulty alone") {
  SynthPair a = make_synthetic(1, 5, 48, 64), b = make_synthetic(1, 5, 48, 64);
  CHECK(a.image.shape() == Shape{48, 64, 3});
  CHECK(a.mask.shape() == Shape{48, 64, 1});
  CHECK(equal_bits(a.image, b.image));
  CHECK(equal_bits(a.mask, b.mask));
  CHECK(!equal_bits(a.image, make_synthetic(1, 6, 48, 64).image));
  CHECK(!equal_bits(a.image, make_synthetic(2, 5, 48, 64).image));
  CHECK(!equal_bits(a.image, make_synthetic(1, 5, 48, 64, 0.4).image));
}

TEST_CASE("masks are 0 or 255 and cover 5 to 35 percent, at any shape and difficulty") {
  for (uint64_t i = 0; i < 150; ++i) {
    auto [h, w] = i % 3 == 0 ? std::pair(64, 64) : i % 3 == 1 ? std::pair(33, 71) : std::pair(96, 40);
    SynthPair p = make_synthetic(3, i, h, w, double(i % 5) / 4);
    for (int64_t k = 0; k < p.mask.numel(); ++k) REQUIRE(p.mask.read<uint8_t>()[k] % 255 == 0);
    double f = foreground(p.mask);
    CHECK(f >= 0.05);
    CHECK(f <= 0.35);
  }
}

TEST_CASE("an index gives the same scene at every size") {
  for (uint64_t i = 0; i < 8; ++i) {
    Tensor small = make_synthetic(4, i, 64, 64).mask, large = resize_image(make_synthetic(4, i, 192, 192).mask, 64, 64);
    int64_t both = 0, either = 0;
    for (int64_t k = 0; k < small.numel(); ++k) {
      bool a = small.read<uint8_t>()[k] > 128, b = large.read<uint8_t>()[k] > 128;
      both += a && b, either += a || b;
    }
    CHECK(double(both) / double(either) > 0.95);
  }
}

TEST_CASE("object and background have similar colours: means differ by less than the texture's deviation") {
  double difference = 0, deviation = 0;
  for (const SynthPair& p : series(5, 60)) {
    double n[2] = {}, sum[2] = {}, square = 0;
    for (int64_t k = 0; k < p.mask.numel(); ++k) {
      int side = p.mask.read<uint8_t>()[k] > 128;
      double v = p.image.read<uint8_t>()[3 * k + 1];
      ++n[side], sum[side] += v, square += v * v;
    }
    double total = n[0] + n[1], mean = (sum[0] + sum[1]) / total;
    difference += std::abs(sum[0] / n[0] - sum[1] / n[1]);
    deviation += std::sqrt(square / total - mean * mean);
  }
  CHECK(difference < 0.75 * deviation);
}

TEST_CASE("sizes and difficulties that give no picture are refused") {
  CHECK_THROWS_AS(make_synthetic(1, 0, 15, 64), ShapeError);
  CHECK_THROWS_AS(make_synthetic(1, 0, 64, 64, 1.1), ConfigError);
  CHECK_THROWS_AS(make_synthetic(1, 0, 64, 64, std::nan("")), ConfigError);
}

TEST_CASE("the colour baseline finds coloured objects but not camouflaged ones") {
  std::vector<SynthPair> train = series(1, 60), test = series(2, 60);
  double camouflage = logistic_baseline(train, test);
  CHECK(camouflage < 0.35);
  CHECK(camouflage == logistic_baseline(train, test));
  for (auto* set : {&train, &test})
    for (SynthPair& p : *set)  // paint the objects red
      for (int64_t k = 0; k < p.mask.numel(); ++k)
        if (p.mask.read<uint8_t>()[k] > 128)
          p.image.write<uint8_t>()[3 * k] = 255, p.image.write<uint8_t>()[3 * k + 1] = 0;
  CHECK(logistic_baseline(train, test) > 0.95);
  CHECK_THROWS_AS(logistic_baseline({}, test), DataError);
}
