// The permutohedral lattice and the CRF, against the definitions of plain_lattice.h.
#include "examples/camo/predict/crf.h"

#include <doctest/doctest.h>

#include "tensor/parallel.h"
#include "tests/predict/pictures.h"
#include "tests/predict/plain_lattice.h"

using namespace camo;
using namespace camo::program;
using namespace camo::test;

namespace {

/// The largest difference of the two lattices, over the largest output.
double lattice_error(const Tensor& features) {
  const Tensor values = randn({features.dim(0)}, 5);
  const Lattice lattice(features);
  const PlainLattice plain(features);
  CHECK(lattice.vertices() == int64_t(plain.vertices()));
  const Numbers expected = plain.filter(to_vector<double>(values));
  double largest = 0;
  for (double x : expected) largest = std::max(largest, std::abs(x));
  return largest_difference(lattice.filter(values), expected) / largest;
}

/// A synthetic photograph, the map that a network might predict, and the mask.
struct Scene {
  Tensor photograph, map, mask;
};
Scene scene(uint64_t index, int64_t height, int64_t width, double difficulty = 0.3) {
  const SynthPair pair = make_synthetic(11, index, height, width, difficulty);
  return {pair.image, imagined_probabilities(pair.mask, index), pair.mask};
}

std::vector<CrfSettings> several_settings() {
  return {{},
          {.iterations = 5, .bilateral = 4, .alpha = 10, .beta = 20, .spatial = 2, .gamma = 2},
          {.iterations = 10, .bilateral = 2, .alpha = 30, .beta = 30, .spatial = 1, .gamma = 4}};
}

}  // namespace

TEST_CASE("the lattice equals its definition in f64, for pictures of many sizes and colours") {
  for (auto [height, width] : {std::pair(1, 1), {1, 19}, {23, 1}, {24, 31}, {40, 37}}) {
    CAPTURE(height);
    CAPTURE(width);
    for (const Tensor& photograph :
         {constant_photograph(height, width, 0), constant_photograph(height, width, 90),
          random_photograph(height, width, 3), make_synthetic(2, 0, 64, 64).image.slice(0, height)}) {
      CHECK(lattice_error(plain_features(photograph, 4, 0)) <= 1e-5);
      CHECK(lattice_error(plain_features(photograph, 12, 25)) <= 1e-5);
    }
  }
}

TEST_CASE("a vertex with thousands of points sums them without loss") {
  CHECK(lattice_error(plain_features(constant_photograph(90, 100, 7), 200, 0)) <= 1e-6);
  CHECK(lattice_error(plain_features(constant_photograph(90, 100, 7), 200, 13)) <= 1e-6);
}

TEST_CASE("one point of a dense plane spreads with the stated standard deviation") {
  const int64_t side = 81, centre = side / 2;
  Tensor values = zeros({side * side});
  values.write<float>()[centre * side + centre] = 1;
  const Lattice lattice(plain_features(constant_photograph(side, side, 0), 7, 0));
  const Tensor spread = lattice.filter(values);
  double sum = 0, square = 0;
  for (int64_t i = 0; i < spread.numel(); ++i) {
    sum += spread.read<float>()[i];
    square += spread.read<float>()[i] * double((i % side - centre) * (i % side - centre));
  }
  CHECK(std::sqrt(square / sum) == doctest::Approx(7).epsilon(0.05));
}

TEST_CASE("the mean field equals the same steps over the plain lattice in f64") {
  for (uint64_t index : {0, 1}) {
    const Scene s = scene(index, 40, 48);
    for (const CrfSettings& settings : several_settings()) {
      const Numbers expected =
          plain_mean_field(s.map, plain_lattice_filter(plain_features(s.photograph, settings.alpha, settings.beta)),
                           plain_lattice_filter(plain_features(s.photograph, settings.gamma, 0)), settings);
      CHECK(largest_difference(refine_by_crf(s.photograph, s.map, settings), expected) <= 1e-5);
    }
  }
}

TEST_CASE("98 % of the pixels lie on the same side of 1/2 as with exact sums over all pairs") {
  double share = 0, least = 1, difference = 0, cases = 0;
  for (uint64_t index : {0, 1, 2}) {
    const Scene s = scene(index, 36, 40);
    for (const CrfSettings& settings : several_settings()) {
      const Numbers exact =
          plain_mean_field(s.map, exact_filter(plain_features(s.photograph, settings.alpha, settings.beta)),
                           exact_filter(plain_features(s.photograph, settings.gamma, 0)), settings);
      const Tensor fast = refine_by_crf(s.photograph, s.map, settings);
      double same = 0, sum = 0;
      for (size_t i = 0; i < exact.size(); ++i) {
        const double q = fast.read<float>()[i];
        same += (q > 0.5) == (exact[i] > 0.5), sum += std::abs(q - exact[i]);
      }
      const double n = double(exact.size());
      CHECK(same / n >= 0.98);
      share += same / n, least = std::min(least, same / n), difference += sum / n, ++cases;
    }
  }
  MESSAGE("same side: " << 100 * share / cases << " % on average, " << 100 * least << " % at least; mean difference "
                        << difference / cases);
}

TEST_CASE("1, 2 and 3 threads give the same bits") {
  const Scene s = scene(3, 96, 120);
  set_threads(1);
  const Tensor one = refine_by_crf(s.photograph, s.map);
  for (int count : {2, 3}) {
    set_threads(count);
    CHECK(equal_bits(refine_by_crf(s.photograph, s.map), one));
  }
  set_threads(0);
}

TEST_CASE("without steps, or without weights, the map comes back, but for the clamp") {
  Scene s = scene(4, 32, 40);
  s.map.write<float>()[0] = 0, s.map.write<float>()[1] = 1;
  for (const CrfSettings& settings : {CrfSettings{.iterations = 0}, CrfSettings{.bilateral = 0, .spatial = 0}}) {
    const Tensor out = refine_by_crf(s.photograph, s.map, settings);
    CHECK(out.shape() == s.map.shape());
    CHECK(largest_difference(out, to_vector<double>(s.map)) <= kCrfClamp + 1e-6);
  }
}

TEST_CASE("a pixel that the map is sure of follows all others of its colour") {
  Tensor map = full({24, 24, 1}, 0.999);
  map.write<float>()[300] = 0;
  CHECK(refine_by_crf(constant_photograph(24, 24, 50), map, {.bilateral = 10, .alpha = 80}).read<float>()[300] > 0.5);
}

TEST_CASE("one CRF serves many maps and weights, and maps of both shapes") {
  const Scene s = scene(5, 32, 40), other = scene(6, 32, 40);
  const Crf crf(s.photograph, {});
  for (const Tensor& map : {s.map, other.map, s.map.reshape({32, 40})})
    for (double weight : {1.0, 4.0}) {
      const CrfSettings settings{.iterations = 3, .bilateral = weight};
      const Tensor refined = crf.refine(map, settings);
      CHECK(refined.shape() == map.shape());
      CHECK(equal_bits(refined, refine_by_crf(s.photograph, map, settings)));
    }
}

TEST_CASE("a coarse map takes the outline of an object with a colour of its own") {
  const SynthPair toy = disc(64);
  const Tensor map = imagined_probabilities(toy.mask, 1);
  const double before = iou_at_half(map, toy.mask), after = iou_at_half(refine_by_crf(toy.image, map), toy.mask);
  CAPTURE(before);
  CHECK(before < 0.95);
  CHECK(after > 0.99);
}

TEST_CASE("what the CRF cannot take is refused by name") {
  const Tensor photograph = constant_photograph(4, 5, 9), map = full({4, 5, 1}, 0.5);
  auto says = [](const char* text) { return doctest::Contains(text); };
  CHECK_THROWS_WITH_AS(refine_by_crf(photograph.reshape({4, 3, 5}), map), says("photograph (H, W, 3)"), ShapeError);
  CHECK_THROWS_WITH_AS(refine_by_crf(zeros({0, 5, 3}, DType::u8), map), says("photograph (H, W, 3)"), ShapeError);
  CHECK_THROWS_WITH_AS(refine_by_crf(zeros({4, 5, 3}), map), says("u8, got f32"), DTypeError);
  CHECK_THROWS_WITH_AS(refine_by_crf(photograph, full({5, 4, 1}, 0.5)), says("(4, 5, 1)"), ShapeError);
  CHECK_THROWS_WITH_AS(refine_by_crf(photograph, zeros({4, 5, 1}, DType::u8)), says("f32, got u8"), DTypeError);
  for (float wrong : {NAN, -0.1f, 1.5f}) {
    Tensor bad = map.clone();
    bad.write<float>()[7] = wrong;
    CHECK_THROWS_WITH_AS(refine_by_crf(photograph, bad), says("at row 1, column 2"), DataError);
  }
  for (const CrfSettings& bad : {CrfSettings{.alpha = 0}, CrfSettings{.beta = -1}, CrfSettings{.gamma = NAN}})
    CHECK_THROWS_WITH_AS(refine_by_crf(photograph, map, bad), says("must be above 0"), ConfigError);
  for (const CrfSettings& bad :
       {CrfSettings{.iterations = -1}, CrfSettings{.bilateral = -1}, CrfSettings{.spatial = INFINITY}})
    CHECK_THROWS_WITH_AS(refine_by_crf(photograph, map, bad), says("must be 0 or more"), ConfigError);
  CHECK_THROWS_WITH_AS(refine_by_crf(random_photograph(4, 5, 1), map, {.alpha = 1e-4, .beta = 1e-4}),
                       says("larger standard deviations"), ConfigError);
}

TEST_CASE("what the lattice cannot take is refused by name") {
  for (const Shape& shape : {Shape{7, 3}, Shape{0, 2}})
    CHECK_THROWS_WITH_AS(Lattice{zeros(shape)}, doctest::Contains("(N, 2) or (N, 5)"), ShapeError);
  CHECK_THROWS_AS(Lattice{zeros({7})}, ShapeError);
  CHECK_THROWS_AS(Lattice{full({7, 2}, NAN)}, DataError);
  CHECK_THROWS_WITH_AS(Lattice{zeros({7, 2})}.filter(zeros({8})), doctest::Contains("each of 7 points"), ShapeError);
}
