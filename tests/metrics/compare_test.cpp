// Bootstrap over images, the table per image, and the comparison of two models.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "examples/camo/metrics/bootstrap.h"
#include "examples/camo/metrics/image_table.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/json.h"
#include "examples/camo/record/report.h"
#include "tensor/image/image.h"
#include "tensor/random.h"
#include "tests/program/program_run.h"
#include "tests/report/markup.h"

using namespace camo;
using namespace camo::program;
using test::run_camo;
using test::TempFolder;

namespace {

std::string message(const std::string& csv) {
  try {
    parse_csv(csv, "t.csv");
  } catch (const DataError& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("quantiles interpolate between numbers") {
  std::vector<double> figures(41);
  std::iota(figures.rbegin(), figures.rend(), 0.0);  // 40, 39, ... 0
  CHECK(middle(figures).low == doctest::Approx(1));
  CHECK(middle(figures).high == doctest::Approx(39));
  CHECK(middle({5}).low == 5);
  CHECK_THROWS_AS(middle({}), DataError);
}

TEST_CASE("a resample draws n of n images, the same at every call, each equally often") {
  std::vector<double> drawn(30);
  for (int64_t r = 0; r < 2000; ++r) {
    const std::vector<int32_t> times = draw_images(30, r);
    CHECK(std::accumulate(times.begin(), times.end(), 0) == 30);
    for (size_t i = 0; i < 30; ++i) drawn[i] += times[i] / 2000.0;
  }
  for (double d : drawn) CHECK(std::abs(d - 1) < 0.12);  // five standard deviations
  CHECK(draw_images(30, 7) == draw_images(30, 7));
  CHECK(draw_images(30, 7) != draw_images(30, 8));
}

TEST_CASE("the interval of a mean approaches that of the normal distribution") {
  const auto figures = to_vector<double>(randn({400}, {.seed = 3, .domain = Domain::test}, 2, 0.5, DType::f64));
  double mean = 0, square = 0;
  for (double x : figures) mean += x / 400;
  for (double x : figures) square += (x - mean) * (x - mean) / 400;
  const double error = 1.96 * std::sqrt(square / 400);
  const Interval i = interval_of_mean(figures);
  CHECK(std::abs(i.low - (mean - error)) < 0.1 * error);
  CHECK(std::abs(i.high - (mean + error)) < 0.1 * error);
  CHECK(interval_of_mean({3, 3, 3}).low == 3);
  CHECK(interval_of_mean({3, 3, 3}).high == 3);
}

TEST_CASE("a table per image round-trips bit for bit, whatever the names") {
  std::vector<ImageMeasures> images(3);
  images[0].s = 1.0 / 3, images[1].mae = 1e-300, images[2].recall = 4503599627370496.5;
  const ImageTable t = image_table({"a", "b, \"c\"", "two\nlines"}, images), back = parse_csv(to_csv(t), "t.csv");
  CHECK(back.columns == t.columns);
  CHECK(back.names == t.names);
  CHECK(back.rows == t.rows);
}

TEST_CASE("a malformed table is refused with its line") {
  CHECK(message("image,S\na,1\n").find("first line must be name") != std::string::npos);
  CHECK(message("name,S\na,1,2\n").find("line 2 must have 2 columns, got 3") != std::string::npos);
  CHECK(message("name,S\na,1\na,2\n").find("line 3: 'a' stands there twice") != std::string::npos);
  CHECK(message("name,S\na,1x\n").find("S must be a number, got '1x'") != std::string::npos);
  CHECK(message("name,S\n").find("has no images") != std::string::npos);
}

TEST_CASE("two models are compared image by image, after averaging over seeds") {
  TempFolder folder;
  // B is A minus 0.1 on every image, with the images in another order; the second seed of A is 0.2 above the first.
  auto table = [&](const std::string& file, double shift, bool backwards) {
    std::vector<ImageMeasures> images(12);
    std::vector<std::string> names(12);
    for (int i = 0; i < 12; ++i) {
      const int k = backwards ? 11 - i : i;
      for (const MeasureInfo& m : kMeasures) images[i].*m.value = k * 0.05 + shift;
      names[i] = text("image_", k);
    }
    write_file(folder / file, to_csv(image_table(names, images)));
  };
  table("a1.csv", 0.2, false), table("a2.csv", 0.4, true), table("b.csv", 0.2, true);
  const test::ProcessResult same = run_camo("compare " + folder / "a1.csv" + " " + folder / "b.csv");
  CHECK(same.code == 0);
  CHECK(same.out.find("*") == std::string::npos);
  const test::ProcessResult run = run_camo("compare " + folder / "a1.csv" + " " + folder / "a2.csv" + " vs " +
                                           folder / "b.csv" + " --out " + folder / "c.json");
  CHECK(run.code == 0);
  const JsonObject json = parse_json(read_file<DataError>(folder / "c.json"), "c.json");
  for (const char* name : {"MAE", "S", "F_weighted", "IoU"}) {
    const auto v = std::get<std::vector<double>>(*json.find(name));
    const double expected[] = {0.575, 0.475, 0.1, 0.1, 0.1, std::sqrt(0.02)};
    REQUIRE(v.size() == 7);
    CHECK(std::isnan(v[6]));  // a single seed has no spread
    for (size_t i = 0; i < 6; ++i) CHECK(v[i] == doctest::Approx(expected[i]).epsilon(1e-12));
  }
  CHECK(json.find("E_max") == nullptr);

  write_file(folder / "other.csv", "name,S\nimage_0,1\n");
  const test::ProcessResult other = run_camo("compare " + folder / "a1.csv" + " " + folder / "other.csv");
  CHECK(other.code == 3);
  CHECK(other.error.find("lacks 'image_1'") != std::string::npos);
  CHECK(run_camo("compare " + folder / "a1.csv").code == 2);
}

TEST_CASE("a report has the measures, the table, the curves and the worst pictures") {
  TempFolder folder;
  REQUIRE(run_camo("synth --count 12 --size 40x32 --out " + folder / "data").code == 0);
  std::filesystem::create_directories(folder / "maps");
  for (int i = 0; i < 12; ++i) {
    const std::string name = text("synthetic_0000", i / 10, i % 10, ".png");
    Tensor mask = read_mask(folder / "data/GT/" + name);
    if (i == 7) mask = zeros(mask.shape(), DType::u8);
    write_png(folder / "maps/" + name, mask);
  }
  const test::ProcessResult maps = run_camo("eval --pred " + folder / "maps --gt " + folder / "data/GT --csv " +
                                            folder / "i.csv --out " + folder / "s.json --report " + folder / "report");
  CAPTURE(maps.error);
  REQUIRE(maps.code == 0);
  const JsonObject json = parse_json(read_file<DataError>(folder / "s.json"), "s.json");
  CHECK(json.integer("images") == 12);
  for (const MeasureInfo& m : kMeasures) {
    const auto interval = std::get<std::vector<double>>(*json.find(text(m.name, "_interval")));
    CHECK(interval[0] <= json.number(m.name));
    CHECK(json.number(m.name) <= interval[1]);
  }
  CHECK(json.number("IoU") == doctest::Approx(11.0 / 12));
  CHECK(read_file<DataError>(folder / "report/scores.json") == read_file<DataError>(folder / "s.json"));
  CHECK(read_file<DataError>(folder / "report/images.csv") == read_file<DataError>(folder / "i.csv"));
  const ImageTable table = parse_csv(read_file<DataError>(folder / "i.csv"), "i.csv");
  CHECK(table.names[7] == "synthetic_000007");
  CHECK(table.rows[7][9] == 0);  // IoU
  CHECK(test::elements(read_file<DataError>(folder / "report/curves.svg"), "path").size() >= 5);
  const std::string worst_pictures = read_file<DataError>(folder / "report/worst.svg");
  CHECK(test::elements(worst_pictures, "image").size() == 10 * 2);
  // The worst comes first, with its name and scores.
  std::vector<std::string> words;
  for (const test::Element& e : test::elements(worst_pictures, "text")) words.push_back(e.text);
  REQUIRE(words.size() == 2 + 10 * 2);
  CHECK(words[2] == "synthetic_000007");
  CHECK(words[3].starts_with("IoU 0.000   S 0."));
}

TEST_CASE("the worst images come first") {
  std::vector<ImageMeasures> images(4);
  images[0].iou = 0.5, images[1].iou = 0.2, images[2].iou = 0.2, images[3].iou = 0.9;
  images[1].s = 0.7, images[2].s = 0.6;
  CHECK(worst(images, 3) == std::vector<int64_t>{2, 1, 0});
  CHECK(worst(images).size() == 4);
}
