// What an epoch feeds: the order, the sizes and the changes of photographs are functions of (seed, epoch, place).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "examples/camo/data/blur.h"
#include "examples/camo/data/epoch.h"
#include "examples/camo/options/config.h"
#include "examples/camo/options/format.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;

namespace {

/// A picture of noise with a round object.
Picture round_object(int64_t h, int64_t w) {
  Picture out{empty({h, w, 3}, DType::u8), empty({h, w, 1}, DType::u8)};
  Random random({.seed = 5, .domain = Domain::test});
  for (int64_t i = 0; i < h * w * 3; ++i) out.image.write<uint8_t>()[i] = uint8_t(random.below(256));
  for (int64_t y = 0; y < h; ++y)
    for (int64_t x = 0; x < w; ++x)
      out.mask.write<uint8_t>()[y * w + x] =
          4 * ((2 * y - h) * (2 * y - h) + (2 * x - w) * (2 * x - w)) < h * w ? 255 : 0;
  return out;
}

/// The mean of the background around pixel (y, x) in f64, with a Gaussian in two dimensions and its exact weights.
double naive_blur(const Picture& p, int64_t y, int64_t x, int64_t c, double sigma) {
  const int64_t H = p.image.dim(0), W = p.image.dim(1), radius = int64_t(std::ceil(3 * sigma));
  double sum = 0, weights = 0;
  for (int64_t i = std::max<int64_t>(0, y - radius); i <= std::min(H - 1, y + radius); ++i)
    for (int64_t j = std::max<int64_t>(0, x - radius); j <= std::min(W - 1, x + radius); ++j) {
      if (p.mask.read<uint8_t>()[i * W + j] > 128) continue;
      const double w = std::exp(-double((i - y) * (i - y) + (j - x) * (j - x)) / (2 * sigma * sigma));
      sum += w * p.image.read<uint8_t>()[(i * W + j) * 3 + c], weights += w;
    }
  return sum / weights;
}

uint64_t bytes_hash(const Tensor& x) { return hash({static_cast<const char*>(x.raw()), size_t(x.bytes())}); }

}  // namespace

TEST_CASE("the changes of --augment on are those of the first release, in every pixel and digit") {
  const Picture p = round_object(90, 70);
  uint64_t pixels = 0;
  std::string numbers;
  for (uint32_t epoch = 0; epoch < 8; ++epoch) {
    const RandomKey key{.seed = 3, .domain = Domain::augment, .path = 8, .step = epoch};
    const RawSample s = cut(p, {64, 96}, draw(key));
    pixels = pixels * 31 + bytes_hash(s.image) + bytes_hash(s.mask);
    for (double x : {s.change.angle, double(s.change.flip), double(s.change.colour[0][1]), double(s.change.shift)})
      numbers += formatted("%.6g ", x);
  }
  CHECK(pixels == 10181946116637495865u);
  CHECK(hash(numbers) == 16376962737210329315u);
}

TEST_CASE("a blurred background is the weighted mean of the background alone; the object stays") {
  for (auto [h, w, sigma] : {std::tuple{40, 33, 0.1}, {40, 33, 0.8}, {33, 40, 2.7}, {9, 70, 6.0}, {1, 5, 1.0}}) {
    CAPTURE(sigma);
    const Picture p = round_object(h, w);
    const Tensor y = blur_background(p.image, p.mask, sigma);
    double worst = 0;
    int64_t object = 0, moved = 0;
    for (int64_t i = 0; i < h * w; ++i)
      for (int64_t c = 0; c < 3; ++c) {
        const double now = y.read<uint8_t>()[i * 3 + c], before = p.image.read<uint8_t>()[i * 3 + c];
        if (p.mask.read<uint8_t>()[i] > 128) ++object, moved += now != before;
        else worst = std::max(worst, std::abs(now - naive_blur(p, i / w, i % w, c, sigma)));
      }
    CHECK(worst < 0.8);  // half a grey level of rounding, and the weights' 12 bits
    CHECK(moved == 0);
    CHECK((object > 0 || h == 1));
  }
  const Tensor all = blur_background(round_object(8, 8).image, full({8, 8, 1}, 255, DType::u8), 2);
  CHECK(equal_bits(all, round_object(8, 8).image));
}

TEST_CASE("cut-out fills one rectangle of the photograph with its mean colour and leaves the mask") {
  const Picture p = round_object(40, 50);
  const RawSample s = cut(p, {40, 50}, {.cutout = {.top = 0.25, .left = 0.1, .height = 0.5, .width = 0.6}});
  CHECK(equal_bits(s.mask, p.mask));
  int64_t wrong = 0;
  for (int64_t c = 0; c < 3; ++c) {
    double mean = 0;
    for (int64_t i = 0; i < 40 * 50; ++i) mean += p.image.read<uint8_t>()[i * 3 + c] / 2000.0;
    for (int64_t y = 0; y < 40; ++y)
      for (int64_t x = 0; x < 50; ++x) {
        const bool inside = y >= 10 && y < 30 && x >= 5 && x < 35;
        const int64_t i = (y * 50 + x) * 3 + c;
        wrong += s.image.read<uint8_t>()[i] != (inside ? std::lround(mean) : p.image.read<uint8_t>()[i]);
      }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a warmer light has more red and less blue, before saturation is changed") {
  const Picture p = round_object(20, 30);
  const double warmer = 0.15, saturation = 0.8;
  const Sample s = transform(p, {20, 30}, {.saturation = saturation, .temperature = warmer});
  const double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  double worst = 0;
  for (int64_t i = 0; i < 20 * 30; ++i) {
    const uint8_t* x = p.image.read<uint8_t>() + 3 * i;
    const double lit[] = {x[0] / 255.0 * (1 + warmer), x[1] / 255.0, x[2] / 255.0 * (1 - warmer)};
    const double grey = 0.299 * lit[0] + 0.587 * lit[1] + 0.114 * lit[2];
    for (int64_t c = 0; c < 3; ++c) {
      const double seen = std::clamp(grey + saturation * (lit[c] - grey), 0.0, 1.0);
      worst = std::max(worst, std::abs(double(s.image.read<float>()[3 * i + c]) - (seen - mean[c]) / deviation[c]));
    }
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("each further change has numbers of its own: it leaves the others as they are, and is drawn in its range") {
  const AugmentSettings all = augment_settings("on,blur=0.3,temperature=0.2,cutout=0.6");
  double blurred = 0, cut_out = 0, both = 0, warm_and_high = 0, least = 1, most = -1;
  bool same = true, inside = true, square = true;
  for (uint32_t step = 0; step < 4000; ++step) {
    const RandomKey key{.seed = 3, .domain = Domain::augment, .path = 9, .step = step};
    const Augmentation usual = draw(key), d = draw(key, all), only = draw(key, augment_settings("off,cutout=0.6"));
    same = same && d.top == usual.top && d.width == usual.width && d.angle == usual.angle && d.flip == usual.flip &&
           d.saturation == usual.saturation && only.cutout.top == d.cutout.top && only.height == 1 && !only.flip &&
           only.blur == 0 && draw(key, augment_settings("on")).cutout.height == 0;
    const Augmentation::Box& box = d.cutout;
    const double share = box.height * box.width;
    if (share > 0) {
      inside = inside && share >= 0.02 && share <= 0.2 && box.top >= 0 && box.left >= 0 && box.top + box.height <= 1 &&
               box.left + box.width <= 1 && box.height / box.width < 3.01 && box.width / box.height < 3.01;
      square = square && std::abs(box.height - box.width) < 1e-3;
    }
    if (d.blur > 0) inside = inside && d.blur >= 0.1 && d.blur <= 2;
    blurred += d.blur > 0, cut_out += share > 0, both += d.blur > 0 && share > 0;
    warm_and_high += d.temperature > 0 && d.height > 0.825;
    least = std::min(least, d.temperature), most = std::max(most, d.temperature);
  }
  CHECK(same);
  CHECK(inside);
  CHECK(!square);
  CHECK(std::abs(blurred / 4000 - 0.3) < 0.04);  // five standard deviations
  CHECK(std::abs(cut_out / 4000 - 0.6) < 0.04);
  CHECK(std::abs(both / 4000 - 0.18) < 0.03);  // independent of each other
  CHECK(std::abs(warm_and_high / 4000 - 0.25) < 0.035);
  CHECK(least < -0.19);
  CHECK(least >= -0.2);
  CHECK(most > 0.19);
}

TEST_CASE("a step's size is one of those listed, to a multiple of 32, by seed, epoch and step alone") {
  const AugmentSettings settings = augment_settings("off,scales=0.75:1:1.25");
  std::set<int64_t> heights;
  bool same = true, other = false;
  for (int64_t epoch = 0; epoch < 3; ++epoch)
    for (int64_t step = 0; step < 20; ++step) {
      const ImageSize size = size_of_step({352, 200}, settings, 1, epoch, step);
      heights.insert(size.height);
      other = other || size != size_of_step({352, 200}, settings, 1, epoch + 1, step);
      const int64_t width = size.height == 352 ? 200 : size.height == 256 ? 160 : 256;
      same = same && size == size_of_step({352, 200}, settings, 1, epoch, step) && size.width == width;
    }
  CHECK(heights == std::set<int64_t>{256, 352, 448});  // 264 and 440, and 150 and 250, to the nearest
  CHECK(same);
  CHECK(other);
  CHECK(size_of_step({40, 40}, augment_settings("on"), 1, 0, 0) == ImageSize{40, 40});
  CHECK(scaled({32, 32}, 0.25) == ImageSize{32, 32});
}

TEST_CASE("--augment names what it does not take") {
  for (auto [words, said] : {std::pair{"maybe", "augment: expects on, off or KEY=VALUE,..., got 'maybe'"},
                             {"", "expects on, off"},
                             {"on,blurr=1", "did you mean blur?"},
                             {"on,blur=2", "augment: blur: must be from 0 to 1, got 2"},
                             {"blur=0.5,on", "expects KEY=VALUE"},
                             {"scales=1:x", "augment: scales: expects a number, got 'x'"},
                             {"scales=1:9", "from 0.25 to 4, got 9"}}) {
    CAPTURE(words);
    CHECK_THROWS_WITH_AS(augment_settings(words), doctest::Contains(said), ConfigError);
  }
  CHECK(augment_settings("blur=0.5").usual);
  CHECK(!augment_settings("off").usual);
  TrainConfig c = test::tiny_config("run");
  c.augment = "scales=4", c.size = {2048, 32};
  CHECK_THROWS_WITH_AS(validate(c), doctest::Contains("4 times 2048x32 is more than 4096"), ConfigError);
  c = test::tiny_config("run"), c.empty_share = 0.5;
  CHECK_THROWS_WITH_AS(validate(c), doctest::Contains("every synthetic mask holds an object"), ConfigError);
  c = test::tiny_config("run"), c.cache = "memory";
  CHECK_THROWS_WITH_AS(validate(c), doctest::Contains("made, not decoded"), ConfigError);
}

TEST_CASE("an epoch holds no more empty masks than allowed; the others are repeated evenly in their place") {
  constexpr int64_t n = 40;
  std::vector<bool> empty(n);
  for (int64_t i = 0; i < n; i += 4) empty[size_t(i)] = empty[size_t(i + 1)] = empty[size_t(i + 2)] = true;  // 30 of 40
  std::vector<int64_t> times_empty(n);
  std::set<int64_t> places;  // of empty masks
  for (int64_t epoch = 0; epoch < 200; ++epoch) {
    const std::vector<int64_t> order = visits(empty, 0.25, 7, epoch);
    REQUIRE(order.size() == n);
    std::vector<int64_t> times(n);
    for (size_t k = 0; k < n; ++k) {
      ++times[size_t(order[k] % n)];
      if (empty[size_t(order[k] % n)]) places.insert(int64_t(k));
    }
    CHECK(std::set<int64_t>(order.begin(), order.end()).size() == n);  // repeats have numbers of their own
    int64_t of_empty = 0, most_of_one = 0, least = n, most = 0;
    for (size_t i = 0; i < n; ++i)
      if (empty[i]) of_empty += times[i], times_empty[i] += times[i], most_of_one = std::max(most_of_one, times[i]);
      else least = std::min(least, times[i]), most = std::max(most, times[i]);
    CHECK(most_of_one == 1);
    CHECK(of_empty == 10);
    CHECK(least == 3);  // 30 places for 10 photographs
    CHECK(most == 3);
    CHECK(order == visits(empty, 0.25, 7, epoch));
  }
  CHECK(places.size() == n);
  for (int64_t i = 0; i < n; ++i)
    if (empty[size_t(i)]) CHECK(std::abs(double(times_empty[size_t(i)]) - 200 / 3.0) < 35);  // five standard deviations
}

TEST_CASE("repeats differ by at most one, and an epoch that needs none is the plain shuffle") {
  std::vector<bool> empty(10);
  CHECK(visits(empty, 0, 3, 4) == shuffled(10, 3, 4));
  empty[2] = empty[5] = empty[6] = true;
  CHECK(visits(empty, 0.3, 3, 4) == shuffled(10, 3, 4));
  CHECK(visits(empty, 1, 3, 4) == shuffled(10, 3, 4));
  std::vector<int64_t> times(10);
  for (int64_t visit : visits(empty, 0, 3, 4)) ++times[size_t(visit % 10)];
  for (size_t i = 0; i < 10; ++i) CHECK((empty[i] ? times[i] == 0 : times[i] == 1 || times[i] == 2));
  CHECK_THROWS_WITH_AS(visits(std::vector<bool>(4, true), 0.5, 1, 0), doctest::Contains("all 4 masks are empty"),
                       DataError);
  CHECK(visits(std::vector<bool>(4, true), 1, 1, 0) == shuffled(4, 1, 0));
}

TEST_CASE("a repeat is changed in its own way, a first visit as it always was") {
  const Dataset data{
      .pairs = {}, .synthetic = Dataset::Synthetic{.seed = 1, .count = 3, .height = 48, .width = 40, .difficulty = 1}};
  const AugmentSettings on = augment_settings("on");
  const RawSample first = sample_of(data, 2, {32, 32}, on, 5, 6), again = sample_of(data, 2 + 3, {32, 32}, on, 5, 6);
  const RawSample before =
      cut(data.load(2), {32, 32}, draw({.seed = 5, .domain = Domain::augment, .path = 2, .step = 6}));
  CHECK(equal_bits(first.image, before.image));
  CHECK(first.change.angle == before.change.angle);
  CHECK(!equal_bits(first.image, again.image));
}
