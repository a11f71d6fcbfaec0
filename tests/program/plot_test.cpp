#include "examples/camo/draw/plot.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "examples/camo/draw/canvas.h"

using namespace camo;
using namespace camo::program;

namespace {

std::array<int, 3> at(const Tensor& x, int64_t row, int64_t column) {
  const uint8_t* p = x.read<uint8_t>() + (row * x.dim(1) + column) * 3;
  return {p[0], p[1], p[2]};
}

int64_t count(const Tensor& x, std::array<int, 3> colour) {
  int64_t n = 0;
  for (int64_t i = 0; i < x.dim(0); ++i)
    for (int64_t j = 0; j < x.dim(1); ++j) n += at(x, i, j) == colour;
  return n;
}

constexpr std::array<int, 3> kWhite{255, 255, 255}, kBlack{0, 0, 0};

}  // namespace

TEST_CASE("all letters differ and stay in their boxes") {
  std::set<std::vector<int64_t>> seen;
  for (char c = '!'; c <= '~'; ++c) {
    Canvas canvas(9, 6);
    canvas.write(0, 0, std::string(1, c), {}, 1);
    CHECK(count(canvas.pixels(), kBlack) > 0);
    for (int64_t y = 0; y < 9; ++y) CHECK(at(canvas.pixels(), y, 5) == kWhite);
    seen.insert(to_vector<int64_t>(canvas.pixels()));
  }
  CHECK(seen.size() == size_t('~' - '!' + 1));
}

TEST_CASE("drawing is clipped to the canvas and lines have their width") {
  Canvas canvas(20, 30);
  canvas.rectangle(-5, -5, 8, 8, {255, 0, 0});
  CHECK(count(canvas.pixels(), {255, 0, 0}) == 9);
  canvas.line(-50, 10, 100, 10, {}, 3);
  CHECK(count(canvas.pixels(), kBlack) == 3 * 30);
  canvas.write(25, 15, "overflow");
  canvas.place(28, 18, zeros({5, 5, 3}, DType::u8));
  canvas.line(1e9, 5, 2e9, 1e12, {}, 2);
  CHECK(at(canvas.pixels(), 19, 29) == kBlack);
}

TEST_CASE("ticks are round numbers, evenly spaced, few, and inside the axis") {
  for (auto [low, high] : {std::pair(0.0, 1.0), {1.0, 40.0}, {0.0, 1e-4}, {-3.7, 12.2}, {0.4999, 0.5001}, {1e6, 3e7}}) {
    std::vector<double> t = ticks(low, high);
    REQUIRE(t.size() >= 2);
    CHECK(t.size() <= 6);
    double step = t[1] - t[0], digit = step / std::pow(10, std::floor(std::log10(step) + 1e-9));
    CHECK((std::abs(digit - 1) < 1e-6 || std::abs(digit - 2) < 1e-6 || std::abs(digit - 5) < 1e-6));
    CHECK(t.front() >= low - step * 1e-6);
    CHECK(t.back() <= high + step * 1e-6);
    for (size_t i = 1; i < t.size(); ++i) CHECK(t[i] - t[i - 1] == doctest::Approx(step));
  }
  CHECK(ticks(1, 3, 6, true) == std::vector<double>{1, 2, 3});
  CHECK_THROWS_AS(ticks(1, 1), DataError);
}

TEST_CASE("a chart shows each series in its colour; non-finite values leave a gap") {
  Series rising{"iou", {1, 2, 3, 4}, {0.1, 0.2, 0.3, 0.4}},
      gap{"dice", {1, 2, 3, 4}, {0.3, std::nan(""), HUGE_VAL, 0.2}};
  Tensor one = draw_charts({{"iou", {rising}}}),
         two = draw_charts({{"iou, dice", {rising, gap}}, {"loss", {}}, {"", {{"p", {1}, {0}}}}});
  CHECK(two.dim(1) == 2 * one.dim(1));
  CHECK(two.dim(0) == 2 * one.dim(0));
  CHECK(count(one, {31, 119, 180}) > 300);
  CHECK(count(one, {214, 96, 20}) == 0);
  int64_t dots = count(two, {214, 96, 20});
  CHECK(dots > 40);  // two dots, and the dash in the legend
  CHECK(dots < 140);
  CHECK_THROWS_AS(draw_charts({}), DataError);
}

TEST_CASE("a chart's y axis ends where it is set to end") {
  Series low{"", {0, 1, 2}, {0.1, 0.1, 0.1}};
  auto height = [&](Chart chart) {  // height of the line, in rows from the top
    Tensor picture = draw_charts({chart});
    for (int64_t y = 0; y < picture.dim(0); ++y)
      if (at(picture, y, 300) == std::array{31, 119, 180}) return y;
    return int64_t(-1);
  };
  CHECK(height({"", {low}, "", {{0, 0.1}}}) < height({"", {low}, "", {{0, 0.2}}}));
  CHECK(height({"", {low}, "", {{0, 0.2}}}) < height({"", {low}, "", {{0, 1}}}));
}

TEST_CASE("a grid keeps proportions, order and channels") {
  Tensor red = zeros({20, 10, 3}, DType::u8), white = full({10, 20, 1}, 255, DType::u8);
  for (int64_t i = 0; i < 200; ++i) red.write<uint8_t>()[3 * i] = 255;
  Tensor grid = draw_grid({{red, white}, {white, red}}, {"a", "b"});
  CHECK(count(grid, {255, 0, 0}) == 2 * 240 * 120);
  CHECK(at(grid, 100, 130) == std::array{255, 0, 0});
  CHECK(at(grid, 100, 380) == kWhite);
  CHECK_THROWS_AS(draw_grid({}), DataError);
  CHECK_THROWS_AS(draw_grid({{zeros({3, 3}, DType::u8)}}), ShapeError);
}
