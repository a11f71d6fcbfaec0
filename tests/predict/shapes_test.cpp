// The shape of an object against plain loops: parts by flooding, box and area by counting, contours by filling them
// again.
#include "examples/camo/predict/shapes.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "examples/camo/metrics/metrics.h"
#include "examples/camo/predict/formats.h"
#include "examples/camo/predict/rle.h"
#include "tensor/image/image.h"
#include "tensor/io/file.h"
#include "tensor/random.h"

using namespace camo;
using namespace camo::program;

namespace {

/// A mask from rows of letters; # is the object.
Tensor drawn(const std::vector<std::string>& rows) {
  Tensor out = zeros({int64_t(rows.size()), int64_t(rows[0].size()), 1}, DType::u8);
  uint8_t* m = out.write<uint8_t>();
  for (const std::string& row : rows)
    for (char c : row) *m++ = c == '#' ? 255 : 0;
  return out;
}

/// Random pixels, with a chance that differs from mask to mask; every third one is magnified, so that parts and holes
/// grow.
Tensor random_mask(uint64_t number) {
  Random random(RandomKey{.seed = number, .domain = Domain::test});
  const int64_t magnified = number % 3 == 0 ? 1 + random.below(4) : 1;
  const int64_t H = 1 + random.below(24), W = 1 + random.below(24);
  const double chance = random.uniform();
  Tensor small = zeros({H, W, 1}, DType::u8), out = zeros({H * magnified, W * magnified, 1}, DType::u8);
  for (int64_t i = 0; i < H * W; ++i) small.write<uint8_t>()[i] = random.uniform() < chance ? 255 : 0;
  for (int64_t y = 0; y < out.dim(0); ++y)
    for (int64_t x = 0; x < out.dim(1); ++x)
      out.write<uint8_t>()[y * out.dim(1) + x] = small.read<uint8_t>()[y / magnified * W + x / magnified];
  return out;
}

/// The connected parts, each as a mask of its own, in the order of their first pixels.
std::vector<Tensor> flooded(const Tensor& mask) {
  const int64_t H = mask.dim(0), W = mask.dim(1);
  Tensor left = mask.clone();
  std::vector<Tensor> out;
  for (int64_t i = 0; i < H * W; ++i) {
    if (!left.read<uint8_t>()[i]) continue;
    Tensor part = zeros_like(mask);
    std::set<int64_t> open{i};
    while (!open.empty()) {
      const int64_t at = *open.begin(), y = at / W, x = at % W;
      open.erase(at);
      part.write<uint8_t>()[at] = 255, left.write<uint8_t>()[at] = 0;
      for (auto [dy, dx] : {std::pair(0, 1), {1, 0}, {0, -1}, {-1, 0}})
        if (y + dy >= 0 && y + dy < H && x + dx >= 0 && x + dx < W && left.read<uint8_t>()[at + dy * W + dx])
          open.insert(at + dy * W + dx);
    }
    out.push_back(part);
  }
  return out;
}

/// The pixels whose centres have an odd number of vertical sides on their left.
Tensor filled(const std::vector<Polygon>& parts, int64_t H, int64_t W) {
  Tensor out = zeros({H, W, 1}, DType::u8);
  for (const Polygon& part : parts)
    for (const Ring& ring : part)
      for (size_t i = 0; i < ring.size(); ++i) {
        const Corner a = ring[i], b = ring[(i + 1) % ring.size()];
        for (int64_t y = std::min(a.y, b.y); y < std::max(a.y, b.y); ++y)
          for (int64_t x = a.x; x < W; ++x) out.write<uint8_t>()[y * W + x] ^= 255;
      }
  return out;
}

/// Twice the area by the shoelace formula as it stands.
int64_t shoelace(const Ring& ring) {
  int64_t out = 0;
  for (size_t i = 0; i < ring.size(); ++i) {
    const Corner a = ring[i], b = ring[(i + 1) % ring.size()];
    out += a.x * b.y - b.x * a.y;
  }
  return out;
}

/// Sides along the axes that turn at every corner, no corner twice, and the topmost first.
bool well_formed(const Ring& ring) {
  std::set<std::pair<int64_t, int64_t>> corners;
  for (size_t i = 0; i < ring.size(); ++i) {
    const Corner a = ring[i], b = ring[(i + 1) % ring.size()], c = ring[(i + 2) % ring.size()];
    if ((a.x == b.x) == (a.y == b.y) || (a.x == b.x) == (b.x == c.x)) return false;
    corners.insert({a.y, a.x});
  }
  return ring.size() >= 4 && corners.size() == ring.size() && *corners.begin() == std::pair(ring[0].y, ring[0].x);
}

void check_contours(const Tensor& mask) {
  const int64_t H = mask.dim(0), W = mask.dim(1);
  const std::vector<Polygon> parts = contours(mask);
  const std::vector<Tensor> expected = flooded(mask);
  REQUIRE(parts.size() == expected.size());
  int64_t twice_all = 0, pixels = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    CHECK(equal_bits(filled({parts[i]}, H, W), expected[i]));  // so each hole is with its outer ring
    for (size_t r = 0; r < parts[i].size(); ++r) {
      const Ring& ring = parts[i][r];
      CHECK(well_formed(ring));
      CHECK((shoelace(ring) > 0) == (r == 0));
      CHECK(2 * ring_area(ring) == shoelace(ring));
      twice_all += shoelace(ring);
    }
  }
  for (int64_t k = 0; k < H * W; ++k) pixels += mask.read<uint8_t>()[k] != 0;
  CHECK(twice_all == 2 * pixels);
  CHECK(equal_bits(filled(parts, H, W), mask));
}

}  // namespace

TEST_CASE("contours of random masks give the masks back, part by part, and their areas are the pixels") {
  for (uint64_t number = 0; number < 300; ++number) {
    CAPTURE(number);
    check_contours(random_mask(number));
  }
}

TEST_CASE("contours of masks that are hard") {
  for (const std::vector<std::string>& rows : std::vector<std::vector<std::string>>{
           {"."},
           {"#"},
           {"....", "...."},
           {"####", "####"},
           {"#.", ".#"},
           {".#", "#."},
           {"#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######"},  // nested
           {"###", "#.#", "##."},                          // a hole that ends at a corner
           {"#####", "#.#.#", "##.##", "#.#.#", "#####"},  // holes that touch at corners
           {"####", "#.##", "##.#", "####"},
           {"####.", "#..#.", "#.#.#", "###.#"}}) {
    CAPTURE(rows[0]);
    check_contours(drawn(rows));
  }
  CHECK(contours(drawn({"..", ".."})).empty());
  CHECK(contours(zeros({0, 3, 1}, DType::u8)).empty());
  CHECK(contours(drawn({"#.", ".#"})).size() == 2);
  CHECK(contours(drawn({"###", "#.#", "##."}))[0].size() == 2);
  CHECK(contours(drawn({"...", ".##"})) == std::vector<Polygon>{{{{1, 1}, {3, 1}, {3, 2}, {1, 2}}}});
  CHECK_THROWS_AS(contours(zeros({3, 3, 3}, DType::u8)), ShapeError);
  CHECK_THROWS_AS(contours(zeros({3, 3, 1})), DTypeError);
}

TEST_CASE("area, box and certainty are those of plain loops, and the mask is that of IoU") {
  for (uint64_t number = 0; number < 60; ++number) {
    CAPTURE(number);
    Random random(RandomKey{.seed = number, .domain = Domain::test, .path = 1});
    const int64_t H = 1 + random.below(9), W = 1 + random.below(9);
    Tensor map = zeros({H, W, 1}, DType::u8);
    for (int64_t i = 0; i < H * W; ++i) map.write<uint8_t>()[i] = uint8_t(random.below(number % 2 ? 256 : 130));
    if (H * W > 2) map.write<uint8_t>()[0] = 0, map.write<uint8_t>()[1] = 255;  // so that IoU does not stretch it
    const double threshold = std::array{0.5, 0.0, 0.25, 127 / 255.0}[number % 4];
    const FoundObject found = find_object(map, threshold);
    int64_t area = 0, left = W, top = H, right = -1, bottom = -1;
    double inside = 0, doubt = 0;
    for (int64_t y = 0; y < H; ++y)
      for (int64_t x = 0; x < W; ++x) {
        const double p = map.read<uint8_t>()[y * W + x] / 255.0;
        CHECK(found.mask.read<uint8_t>()[y * W + x] == (p > threshold ? 255 : 0));
        doubt += 4 * p * (1 - p);
        if (p > threshold) {
          ++area, inside += p;
          left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
        }
      }
    CHECK(found.area == area);
    CHECK(found.box == (area ? Box{left, top, right + 1 - left, bottom + 1 - top} : Box{}));
    CHECK(found.mean_probability == doctest::Approx(area ? inside / double(area) : 0));
    CHECK(found.uncertainty == doctest::Approx(doubt / double(H * W)));
    if (threshold == 0.5 && H * W > 2) CHECK(score(map, found.mask).iou == 1);
  }
  CHECK(find_object(full({2, 2, 1}, 0, DType::u8)).uncertainty == 0);
  for (double wrong : {-0.1, 1.0, std::nan("")})
    CHECK_THROWS_AS(find_object(full({2, 2, 1}, 0, DType::u8), wrong), ConfigError);
}

TEST_CASE("run lengths are read down the columns, begin with background, and give the mask back") {
  CHECK(run_lengths(drawn({".#", "##"})) == std::vector<int64_t>{1, 3});
  CHECK(run_lengths(drawn({"#.", ".."})) == std::vector<int64_t>{0, 1, 3});
  CHECK(run_lengths(drawn({"..", ".."})) == std::vector<int64_t>{4});
  CHECK(run_lengths(drawn({"##"})) == std::vector<int64_t>{0, 2});
  for (uint64_t number = 0; number < 200; ++number) {
    CAPTURE(number);
    const Tensor mask = random_mask(number);
    const std::vector<int64_t> runs = run_lengths(mask);
    CHECK(equal_bits(mask_of_runs(runs, mask.dim(0), mask.dim(1)), mask));
    CHECK(parse_counts(to_counts(runs)) == runs);
  }
}

TEST_CASE("the text of run lengths, worked by hand") {
  // 4 = 00100 -> '4'.  16 = 00000 10000 would be negative in one group of five bits, so it takes two: 48 + 32 + 16, 48.
  CHECK(to_counts({4}) == "4");
  CHECK(to_counts({0, 15, 16}) == "0?`0");
  // The fourth run is written as 2 - 9 = -7 = 11001 with its sign bit: 48 + 25.
  CHECK(to_counts({1, 9, 3, 2}) == "193I");
  // The fifth one as 40 - 3 = 37 = 00001 00101: 48 + 32 + 5, 48 + 1.
  CHECK(to_counts({1, 9, 3, 2, 40}) == "193IU1");
  const std::vector<int64_t> large{0, 1, int64_t(1) << 40, 1, 3};
  CHECK(parse_counts(to_counts(large)) == large);
  for (const char* wrong : {"P", "O", " ", "pppppppppppppppppp1", "\xff"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_counts(wrong), DataError);
  }
  for (const std::vector<int64_t>& wrong : {std::vector<int64_t>{3}, {5}, {-1, 5}, {2, 3}, {}})
    CHECK_THROWS_AS(mask_of_runs(wrong, 2, 2), DataError);
}

TEST_CASE("a photograph's line is a GeoJSON Feature with closed rings and any name") {
  const Tensor map = drawn({"###.", "#.#.", "###."});
  const auto read = nlohmann::json::parse(to_feature("bad \xff\"name\n", find_object(map)));
  CHECK(read["type"] == "Feature");
  CHECK(read["geometry"]["type"] == "MultiPolygon");
  CHECK(read["geometry"]["coordinates"] ==
        nlohmann::json::parse("[[[[0,0],[3,0],[3,3],[0,3],[0,0]],[[1,1],[1,2],[2,2],[2,1],[1,1]]]]"));
  const auto& values = read["properties"];
  CHECK(values["photograph"] == "bad \xef\xbf\xbd\"name\n");
  CHECK(values["width"] == 4);
  CHECK(values["height"] == 3);
  CHECK(values["threshold"] == 0.5);
  CHECK(values["area"] == 8);
  CHECK(values["share"] == 8 / 12.0);
  CHECK(values["parts"] == 1);
  CHECK(values["box"] == nlohmann::json{0, 0, 3, 3});
  CHECK(values["mean_probability"] == 1.0);
  CHECK(values["uncertainty"] == 0.0);
  const std::string nothing = to_feature("n", find_object(drawn({".."})));
  CHECK(nothing.find('\n') == nothing.npos);
  CHECK(nlohmann::json::parse(nothing)["geometry"]["coordinates"].empty());
  CHECK(nlohmann::json::parse(nothing)["properties"]["box"].is_null());
}

TEST_CASE("a COCO document lists every photograph, and an annotation for each with an object") {
  const auto read = nlohmann::json::parse(
      coco_document({coco_entry("a\xc3", find_object(drawn({".#", "##"}))),
                     coco_entry("b", find_object(drawn({"..."}))), coco_entry("c", find_object(drawn({"#"})))}));
  CHECK(read["images"] == nlohmann::json::parse(R"([{"id":1,"file_name":"a\ufffd","width":2,"height":2},
      {"id":2,"file_name":"b","width":3,"height":1},{"id":3,"file_name":"c","width":1,"height":1}])"));
  CHECK(read["annotations"] == nlohmann::json::parse(R"([
      {"id":1,"image_id":1,"category_id":1,"segmentation":{"size":[2,2],"counts":"13"},"area":3,"bbox":[0,0,2,2],
       "iscrowd":0,"score":1.0},
      {"id":2,"image_id":3,"category_id":1,"segmentation":{"size":[1,1],"counts":"01"},"area":1,"bbox":[0,0,1,1],
       "iscrowd":0,"score":1.0}])"));
  CHECK(read["categories"] == nlohmann::json::parse(R"([{"id":1,"name":"camouflaged object"}])"));
}

/// Leaves maps, objects.jsonl and coco.json in the folder CAMO_SHAPES for tests/peers/shapes.py.
TEST_CASE("maps and their shapes for other programs to read" * doctest::skip(!std::getenv("CAMO_SHAPES"))) {
  const std::string folder = std::getenv("CAMO_SHAPES");
  std::filesystem::create_directories(folder + "/map");
  std::string lines;
  std::vector<CocoEntry> entries;
  for (uint64_t number = 0; number < 400; ++number) {
    Tensor map = random_mask(number);
    Random random(RandomKey{.seed = number, .domain = Domain::test, .path = 2});
    for (int64_t i = 0; i < map.numel(); ++i) {  // 127 is background and 128 object at the threshold 1/2
      uint8_t& v = map.write<uint8_t>()[i];
      v = uint8_t(v ? 128 + random.below(128) : random.below(128));
    }
    const std::string name = text(number, ".png");
    write_png(folder + "/map/" + name, map);
    const FoundObject found = find_object(map);
    lines += to_feature(name, found) + "\n";
    entries.push_back(coco_entry(name, found));
  }
  write_file(folder + "/objects.jsonl", lines);
  write_file(folder + "/coco.json", coco_document(entries));
}
