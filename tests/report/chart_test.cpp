// Pictures as SVG: they are well-formed, their points lie where the values say, and no word of a file becomes markup.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <locale>

#include "examples/camo/draw/plot.h"
#include "tests/report/markup.h"

using namespace camo;
using namespace camo::program;
using camo::test::Element;
using camo::test::elements;

namespace {

std::vector<Element> with_class(const std::vector<Element>& all, const std::string& name, const std::string& part) {
  std::vector<Element> out;
  for (const Element& e : all)
    if (e.name == name && e["class"].find(part) != std::string::npos) out.push_back(e);
  return out;
}

std::vector<Element> drawn(const Chart& chart) { return elements(draw_chart(chart).file("")); }

}  // namespace

TEST_CASE("hostile words become text, and come back as they were where XML can hold them") {
  const std::string hostile[] = {"<script>alert(1)</script>", "a & b \"c\" 'd'", "]]> --> <!-- &#x41;",
                                 "é ∂ 🐈 \xef\xbf\xbd", "two\nlines\tand a tab"};
  for (const std::string& words : hostile) {
    CAPTURE(words);
    CHECK(elements("<a b=\"" + escaped(words) + "\">" + escaped(words) + "</a>")[0].text == words);
    CHECK(elements("<a b=\"" + escaped(words) + "\"/>")[0]["b"] == words);
  }
  // Control characters; overlong, cut, surrogate and too large UTF-8; U+FFFF.
  for (std::string bad :
       {std::string("\0", 1), std::string("\x1b[31m"), std::string("\x7f"), std::string("\xc0\xaf"),
        std::string("\xe2\x82"), std::string("\xed\xa0\x80"), std::string("\xf5\x80\x80\x80"), std::string("\xff"),
        std::string("\xef\xbf\xbf"), std::string("\x80"), std::string("\xf0\x8f\xbf\xbf")}) {
    const std::string text = elements("<a>" + escaped("x" + bad + "y") + "</a>")[0].text;
    CHECK(text.starts_with("x\xef\xbf\xbd"));
    CHECK(text.ends_with("y"));
  }
}

TEST_CASE("numbers do not depend on the locale, and are no other words") {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    std::string do_grouping() const override { return "\1"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale(), new Comma));
  const std::string shown = coordinate(1234.56) + " " + coordinate(-0.04) + " " + coordinate(-7.25) + " " +
                            coordinate(NAN) + " " + coordinate(INFINITY) + " " + value_text(0.000123456) + " " +
                            value_text(1234567);
  std::locale::global(before);
  CHECK(shown == "1234.6 0 -7.3 0 0 0.00012346 1234567");
  CHECK(shortened("h\xc3\xa9llo", 5) == "h\xc3\xa9llo");
  CHECK(shortened("h\xc3\xa9llos", 3) == "h\xc3\xa9\xe2\x80\xa6");
}

TEST_CASE("pictures survive the way into an address") {
  for (int64_t n : {1, 2, 3, 4, 5, 300}) {
    std::string bytes;
    for (int64_t i = 0; i < n; ++i) bytes += char(i * 37);
    const std::string uri = data_uri("a/b", bytes);
    CHECK(uri.starts_with("data:a/b;base64,"));
    CHECK(test::decoded_base64(uri.substr(16)) == bytes);
    CHECK(uri.size() == size_t(16 + (n + 2) / 3 * 4));
  }
  Tensor map = empty({5, 7, 1}, DType::u8), grey = full({16, 24, 3}, 90, DType::u8);
  for (int64_t i = 0; i < 35; ++i) map.write<uint8_t>()[i] = uint8_t(7 * i);
  CHECK(equal_bits(test::picture_of(map_uri(map)), map));
  const Tensor photograph = test::picture_of(photograph_uri(grey));
  CHECK(photograph.shape() == grey.shape());
  CHECK(std::abs(int(photograph.read<uint8_t>()[100]) - 90) < 3);
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

TEST_CASE("a chart's points lie inside its frame, where their values say") {
  const Series rising{"iou", {1, 2, 3, 5}, {0.1, 0.2, 0.4, 0.3}};
  const std::vector<Element> all = drawn({"iou", {rising}});
  std::vector<Element> grid = with_class(all, "line", "grid");
  REQUIRE(grid.size() >= 3);
  const double left = grid[0].number("x1"), right = grid[0].number("x2");
  // The grid gives the scale of y: the labels beside its lines are the values.
  std::vector<std::pair<double, double>> marks;  // value, height
  for (const Element& e : with_class(all, "text", "soft"))
    for (const Element& line : grid)
      if (e["text-anchor"] == "end" && std::abs(e.number("y") - 4 - line.number("y1")) < 0.11)
        marks.emplace_back(std::stod(e.text), line.number("y1"));
  REQUIRE(marks.size() == grid.size());
  const double slope = (marks.back().second - marks[0].second) / (marks.back().first - marks[0].first);
  const auto points = test::points_of(with_class(all, "path", "curve")[0]["d"]);
  REQUIRE(points.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(points[i].first == doctest::Approx(left + (rising.x[i] - 1) / 4 * (right - left)).epsilon(1e-3));
    CHECK(points[i].second == doctest::Approx(marks[0].second + slope * (rising.y[i] - marks[0].first)).epsilon(1e-2));
    CHECK(points[i].second >= 0);
    CHECK(points[i].second <= marks[0].second + 0.1);
  }
}

TEST_CASE("the values of a chart stand in its titles, with the names of their lines") {
  const Chart chart{"a <b>", {{"one & two", {1, 2, 4}, {0.5, 0.25, 1e-7}}, {"other", {1, 4}, {3, NAN}}}};
  std::vector<std::string> titles;
  for (const Element& e : drawn(chart))
    if (e.name == "title") titles.push_back(e.text);
  CHECK(titles == std::vector<std::string>{"epoch 1\none & two 0.5\nother 3", "epoch 2\none & two 0.25",
                                           "epoch 4\none & two 1e-07"});
}

TEST_CASE("a number that is not finite interrupts its line; a point alone is a dot") {
  const Series gap{"dice", {1, 2, 3, 4, 5, 6}, {0.3, std::nan(""), HUGE_VAL, 0.2, 0.1, 0.4}};
  const std::vector<Element> all = drawn({"", {gap, {"none", {}, {}}}});
  const std::vector<Element> curves = with_class(all, "path", "curve series0");
  REQUIRE(curves.size() == 2);  // the line and its name's
  const std::string path = curves[0]["d"];
  CHECK(std::count(path.begin(), path.end(), 'M') == 1);
  CHECK(test::points_of(path).size() == 3);
  size_t dots = 0;
  for (const Element& e : with_class(all, "circle", "dot")) dots += all[size_t(e.parent)].name == "svg";
  CHECK(dots == 1);
  CHECK(with_class(all, "path", "series1").empty());
  // Charts without a value, or with one, have axes all the same.
  for (const Chart& chart : {Chart{"loss", {}}, Chart{"", {{"p", {1}, {0}}}}, Chart{"", {{"", {1, 2}, {NAN, NAN}}}},
                             Chart{"", {{"", {3, 3}, {1e300, -1e300}}}}})
    CHECK(with_class(drawn(chart), "line", "axis").size() >= 2);
  CHECK_THROWS_AS(draw_charts({}), DataError);
}

TEST_CASE("a chart's y axis ends where it is set to end") {
  Series low{"", {0, 1, 2}, {0.1, 0.1, 0.1}};
  auto height = [&](double end) {
    return test::points_of(with_class(drawn({"", {low}, "", {{0, end}}}), "path", "curve")[0]["d"])[0].second;
  };
  CHECK(height(0.1) < height(0.2));
  CHECK(height(0.2) < height(1));
}

TEST_CASE("a long line keeps its extremes; its file stays small") {
  Series noise{"", {}, {}};
  for (int i = 0; i < 100000; ++i)
    noise.x.push_back(i), noise.y.push_back(i == 54321   ? 50
                                            : i == 77777 ? -50
                                                         : std::sin(i * 0.7) + (i % 10 == 0 ? NAN : 0));
  const std::vector<size_t> kept = thinned(noise.y, 1000);
  CHECK(kept.size() <= 1000);
  CHECK(std::is_sorted(kept.begin(), kept.end()));
  for (size_t i : {54321, 77777}) CHECK(std::binary_search(kept.begin(), kept.end(), i));
  CHECK(thinned({3, 1, 2}, 1000) == std::vector<size_t>{0, 1, 2});
  const std::string file = draw_chart({"noise", {noise}}).file("");
  CHECK(file.size() < 60000);
  CHECK(elements(file, "title").size() == kMostColumns);
}

TEST_CASE("names beside lines do not cover each other and keep their order") {
  for (const std::vector<double>& wanted : {std::vector<double>{50, 51, 52}, {10, 10, 10, 10}, {100, 0, 99, 98}, {}}) {
    std::vector<double> got = spread(wanted, 10, 0, 100);
    for (size_t a = 0; a < got.size(); ++a)
      for (size_t b = 0; b < got.size(); ++b) {
        if (a != b) CHECK(std::abs(got[a] - got[b]) >= 10);
        if (wanted[a] < wanted[b]) CHECK(got[a] < got[b]);
      }
    for (double v : got) CHECK((v >= 0 && v <= 100));
  }
  CHECK(spread({20, 60}, 10, 0, 100) == std::vector<double>{20, 60});
}

TEST_CASE("a grid keeps proportions, order and channels, and holds no more pixels than it shows") {
  Tensor red = zeros({200, 100, 3}, DType::u8), white = full({1000, 2000, 1}, 255, DType::u8);
  for (int64_t i = 0; i < 20000; ++i) red.write<uint8_t>()[3 * i] = 255;
  const std::string file =
      draw_grid({{{red, white}, "one <"}, {{white, red}, "two", "IoU 0.5"}}, {"a", "b"}).file("grid");
  const std::vector<Element> images = elements(file, "image"), words = elements(file, "text");
  REQUIRE(images.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    const bool is_red = i == 0 || i == 3;
    const Tensor picture = test::picture_of(images[i]["href"]);
    CHECK(images[i].number("width") / images[i].number("height") == doctest::Approx(is_red ? 0.5 : 2).epsilon(0.01));
    CHECK(picture.dim(2) == (is_red ? 3 : 1));
    CHECK(double(picture.dim(1)) <= 2 * images[i].number("width") + 1);
    CHECK(picture.read<uint8_t>()[0] > 250);
  }
  CHECK(images[0].number("x") < images[1].number("x"));
  CHECK(images[1].number("y") < images[2].number("y"));
  std::vector<std::string> said;
  for (const Element& e : words) said.push_back(e.text);
  CHECK(said == std::vector<std::string>{"a", "b", "one <", "two", "IoU 0.5"});
  CHECK_THROWS_AS(draw_grid({}), DataError);
  CHECK_THROWS_AS(draw_grid({{{zeros({3, 3}, DType::u8)}}}), ShapeError);
}
