// Data folders as people have them: layouts, litter, sizes, EXIF turns, what masks hold, broken pictures.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>

#include "examples/camo/data/check.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/trained/checkpoint.h"
#include "examples/camo/trained/evaluate.h"
#include "tensor/random.h"
#include "tests/image/picture_bytes.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using test::contains;
using test::TempFolder;
namespace fs = std::filesystem;
namespace picture = test::picture;

namespace {

void write_pair_at(const fs::path& image, const fs::path& mask) { test::write_pair_files(image, mask, 8, 6, 6); }

/// A mask with a square of `high` on `low`.
Tensor square(int64_t h, int64_t w, uint8_t low, uint8_t high) {
  Tensor m = full({h, w, 1}, low, DType::u8);
  for (int64_t y = h / 4; y < h / 2; ++y)
    for (int64_t x = w / 4; x < w / 2; ++x) m.write<uint8_t>()[y * w + x] = high;
  return m;
}

/// DIR/Train and DIR/Test with n pairs each; `mask` makes the mask file of a path.
void make_data(const std::string& dir, const std::function<void(const std::string&)>& mask, int n = 3) {
  int seed = 0;
  for (const char* split : {"Train", "Test"})
    for (int i = 0; i < n; ++i) {
      const fs::path at = fs::path(dir) / split;
      fs::create_directories(at / "Image"), fs::create_directories(at / "GT");
      Tensor photograph = picture::pattern(20, 30, 3);
      for (int64_t k = 0; k < photograph.numel(); ++k) photograph.write<uint8_t>()[k] += uint8_t(37 * seed);
      write_jpeg(at / "Image" / text("p", i, ".jpg"), photograph), ++seed;
      mask(at / "GT" / text("p", i, ".png"));
    }
}

std::string problem_of(const std::string& dir, const Reading& how = {}) {
  try {
    check_content(find_pairs(dir, {"Train", ""}, how), how, 2, dir);
  } catch (const DataError& e) {
    return e.what();
  }
  return "";
}

/// A cache of verdicts of this test alone.
struct Cache {
  TempFolder folder;
  Cache() { ::setenv("XDG_CACHE_HOME", folder.path.c_str(), 1); }
};

}  // namespace

TEST_CASE("the usual folder layouts are found, in upper or lower case") {
  struct Layout {
    const char *image, *mask, *split;
  };
  for (Layout l : {Layout{"Train/Image", "Train/GT_Object", "Train"},
                   {"train/Imgs", "train/GT", "Train"},
                   {"Images/Train", "GT/Train", "Train"},
                   {"TrainDataset/Imgs", "TrainDataset/masks", "Train"},
                   {"Train", "TrainGT", "Train"},
                   {"Images/Train", "GT", "Train"},
                   {"DUTS-TR/DUTS-TR-Image", "DUTS-TR/DUTS-TR-Mask", "Train"},
                   {"DUTS-TE-Image", "DUTS-TE-Mask", "Test"},
                   {"im", "gt", ""},
                   {"image", "mask", ""},
                   {"Test/Image", "Test/GT", "Test"}}) {
    CAPTURE(l.image);
    TempFolder folder;
    for (const char* name : {"b", "a"})
      write_pair_at(fs::path(folder.path) / l.image / (std::string(name) + ".png"),
                    fs::path(folder.path) / l.mask / (std::string(name) + ".png"));
    write_file(folder / l.image + "/.hidden", std::string_view("x"));
    std::vector<Pair> pairs = find_pairs(folder.path, {l.split});
    REQUIRE(pairs.size() == 2);
    CHECK(pairs[0].name == "a");
    CHECK(fs::exists(pairs[1].mask));
    CHECK_THROWS_AS(find_pairs(folder.path, {"Val"}), DataError);
    CHECK(find_pairs(folder.path, {"Val"}, {}, false).empty());
  }
}

TEST_CASE("a list file names pairs relative to itself") {
  TempFolder folder;
  write_pair_at(folder / "x/my photo.png", folder / "y/1.png");
  write_file(folder / "list.txt",
             std::string_view("\xef\xbb\xbf# a comment\nx/my photo.png\ty/1.png\n\n  x/my photo.png , y/1.png \r\n"));
  std::vector<Pair> pairs = find_pairs(folder / "list.txt", {"Train"});
  REQUIRE(pairs.size() == 2);
  CHECK(pairs[1].name == "my photo");
  CHECK(Dataset{pairs, {}}.load(0).mask.shape() == Shape{8, 6, 1});
}

TEST_CASE("a mask may have a suffix; files that are no pictures are left out") {
  TempFolder folder;
  write_pair_at(folder / "Image/a.png", folder / "GT/a_mask.png");
  write_pair_at(folder / "Image/b.png", folder / "GT/b.png");
  for (const char* litter : {"Image/Thumbs.db", "GT/desktop.ini", "GT/readme.txt"})
    write_file(folder / litter, std::string_view("litter"));
  const Found found = search_pairs(folder.path, {""}, {});
  CHECK(found.pairs.size() == 2);
  CHECK(found.complaints.empty());
  CHECK(found.notes.size() == 2);
  write_file(folder / "Image/c.jpg", std::string_view("no picture"));
  CHECK_THROWS_WITH_AS(find_pairs(folder.path, {""}), doctest::Contains("c.jpg"), DataError);
  CHECK(!is_picture(folder / "GT/readme.txt"));
  fs::copy_file(folder / "Image/a.png", folder / "Image/no_suffix");
  CHECK(is_picture(folder / "Image/no_suffix"));
}

TEST_CASE("photographs and masks may be two folders") {
  TempFolder folder;
  write_pair_at(folder / "somewhere/a.png", folder / "elsewhere/a.png");
  Reading how;
  how.images = folder / "somewhere", how.masks = folder / "elsewhere";
  CHECK(find_pairs("", {"Train", ""}, how).size() == 1);
}

TEST_CASE("masks that hold nothing stop work, and the error names the remedy") {
  Cache cache;
  TempFolder folder;
  make_data(folder / "right", [](const std::string& f) { write_png(f, square(20, 30, 0, 255)); });
  CHECK(problem_of(folder / "right") == "");
  make_data(folder / "ones", [](const std::string& f) { write_png(f, square(20, 30, 0, 1)); });
  CHECK(contains(problem_of(folder / "ones"), "they hold 0 to 1 [--mask-above 0]"));
  make_data(folder / "full", [](const std::string& f) { write_png(f, full({20, 30, 1}, 255, DType::u8)); });
  CHECK(contains(problem_of(folder / "full"), "every mask marks its whole picture"));
  make_data(folder / "empty", [](const std::string& f) { write_png(f, full({20, 30, 1}, 0, DType::u8)); });
  CHECK(contains(problem_of(folder / "empty"), "they hold 0 to 0"));
  make_data(folder / "alpha", [](const std::string& f) {
    picture::Bytes rows;
    for (int y = 0; y < 20; ++y) {
      rows.push_back(0);
      for (int x = 0; x < 30; ++x) rows.push_back(255), rows.push_back(x < 9 ? 255 : 0);
    }
    const picture::Bytes bytes = picture::png(30, 20, 8, 4, false, rows);
    write_file(f, std::span<const uint8_t>(bytes), false);
  });
  CHECK(contains(problem_of(folder / "alpha"), "[--mask-alpha]"));

  Reading ones, alpha;
  ones.mask_above = 0, alpha.mask_alpha = true;
  CHECK(problem_of(folder / "ones", ones) == "");
  CHECK(problem_of(folder / "alpha", alpha) == "");
  const auto read = [&](const char* name, const Reading& how) {
    return to_vector<int64_t>(read_pair(find_pairs(folder / name, {"Train"}, how)[0], how).mask);
  };
  CHECK(read("ones", ones) == read("right", {}));
  CHECK(read("alpha", alpha)[8] == 255);
  CHECK(read("alpha", alpha)[9] == 0);
}

TEST_CASE("masks of another size: the remedy is named, and takes the nearest pixel") {
  TempFolder folder;
  make_data(folder.path, [](const std::string& f) { write_png(f, square(40, 60, 0, 255)); });
  CHECK_THROWS_WITH_AS(find_pairs(folder.path, {"Train"}), doctest::Contains("[--mask-resize nearest]"), DataError);
  Reading how;
  how.mask_resize = MaskResize::nearest;
  const Tensor mask = read_pair(find_pairs(folder.path, {"Train"}, how)[0], how).mask;
  CHECK(equal_bits(mask, square(20, 30, 0, 255)));
}

TEST_CASE("photographs turned by EXIF, and masks that are not") {
  Cache cache;
  TempFolder folder;
  for (int orientation : {3, 6}) {
    const std::string dir = folder / text("turned", orientation);
    make_data(dir, [](const std::string& f) { write_png(f, square(20, 30, 0, 255)); });
    for (const Pair& p : find_pairs(dir, {"Train"})) {
      const picture::Bytes turned = picture::with_exif(picture::slurp(p.image), orientation, true);
      write_file(p.image, std::span<const uint8_t>(turned), false);
    }
  }
  CHECK_THROWS_WITH_AS(find_pairs(folder / "turned6", {"Train"}), doctest::Contains("[--exif ignore]"), DataError);
  Reading how;
  how.exif = Exif::ignore;
  CHECK(problem_of(folder / "turned6", how) == "");
  CHECK(read_pair(find_pairs(folder / "turned6", {"Train"}, how)[0], how).image.dim(0) == 20);
  const auto verdicts = look_at(find_pairs(folder / "turned3", {"Train"}), {}, 2);
  CHECK(contains(turned_note(verdicts, {}), "3 photographs are turned by EXIF"));
  CHECK(turned_note(verdicts, how) == "");
}

TEST_CASE("a broken picture is found before work, and verdicts are kept") {
  Cache cache;
  TempFolder folder;
  make_data(folder.path, [](const std::string& f) { write_png(f, square(20, 30, 0, 255)); });
  const std::vector<Pair> pairs = find_pairs(folder.path, {"Train"});
  int64_t looked = 0;
  const auto count = [&](int64_t done) { looked = done; };
  const auto first = look_at(pairs, {}, 2, count);
  CHECK(looked == 3);
  looked = 0;
  const auto second = look_at(pairs, {}, 0, count);
  CHECK(looked == 0);
  for (size_t i = 0; i < 3; ++i)
    CHECK((second[i].content == first[i].content && second[i].object == first[i].object && second[i].high == 255));
  CHECK(first[0].content != first[1].content);
  const picture::Bytes whole = picture::slurp(pairs[1].image);
  const std::span<const uint8_t> half(whole.data(), whole.size() * 2 / 3);
  write_file(pairs[1].image, half, false);
  look_at(pairs, {}, 2, count);
  CHECK(looked == 1);
  const std::string problem = problem_of(folder.path);
  CHECK(contains(problem, "p1.jpg: truncated"));
  CHECK(contains(problem, "camo check-data"));
}

TEST_CASE("one broken photograph does not spoil predict, eval and route") {
  Cache cache;
  TempFolder folder;
  make_data(folder / "data", [](const std::string& f) { write_png(f, square(20, 30, 0, 255)); });
  test::run_camo("train --data synthetic --count 4 --epochs 1 --size 32 --batch-size 2 --threads 1 --out " +
                 (folder / "run"));
  const std::string image = folder / "data/Test/Image/p1.jpg";
  const picture::Bytes whole = picture::slurp(image);
  write_file(image, std::span<const uint8_t>(whole.data(), whole.size() * 2 / 3), false);
  const std::string weights = " --threads 1 --weights " + (folder / "run");
  auto r = test::run_camo("predict " + (folder / "data/Test/Image") + weights + " --out " + (folder / "found"));
  CHECK(r.code == 3);
  CHECK(contains(r.error, "1 file could not be read"));
  CHECK(contains(r.error, "p1.jpg"));
  for (const char* name : {"p0", "p2"}) CHECK(fs::exists(folder / "found/map/" + name + ".png"));
  r = test::run_camo("eval --data " + (folder / "data") + weights + " --csv " + (folder / "a.csv"));
  CHECK(r.code == 3);
  CHECK(contains(r.error, "p1.jpg"));
  CHECK(contains(r.out, "IoU"));
  r = test::run_camo("route " + (folder / "data/Test/Image") + weights + " --out " + (folder / "routes"));
  CHECK(r.code == 3);
  CHECK(fs::exists(folder / "routes/p2.svg"));
  r = test::run_camo("check-data " + (folder / "data"));
  CHECK(r.code == 0);  // training never reads Test
  CHECK(contains(r.out, "cannot be read: 1"));
  r = test::run_camo("check-data " + (folder / "data") + " --fix " + (folder / "clean"));
  CHECK(contains(r.out, "5 pairs written"));
  CHECK(test::run_camo("check-data " + (folder / "clean")).code == 0);
  // Maps, one of them broken.
  r = test::run_camo("eval --pred " + (folder / "data/Train/GT") + " --gt " + (folder / "data/Train/GT"));
  CHECK(r.code == 0);
  fs::copy(folder / "data/Train/GT", folder / "maps");
  const picture::Bytes map = picture::slurp(folder / "maps/p1.png");
  write_file(folder / "maps/p1.png", std::span<const uint8_t>(map.data(), map.size() - 20), false);
  r = test::run_camo("eval --pred " + (folder / "maps") + " --gt " + (folder / "data/Train/GT"));
  CHECK(r.code == 3);
  CHECK(contains(r.error, "maps/p1.png"));
}

TEST_CASE("a photograph that cannot be read does not enter the means of the others") {
  Cache cache;
  TempFolder folder;
  make_data(folder.path, [](const std::string& f) { write_png(f, square(20, 30, 0, 255)); });
  Dataset all{find_pairs(folder.path, {"Train"})}, whole = all;
  whole.pairs.erase(whole.pairs.begin() + 1);
  const picture::Bytes bytes = picture::slurp(all.pairs[1].image);
  write_file(all.pairs[1].image, std::span<const uint8_t>(bytes.data(), bytes.size() / 2), false);
  const TrainConfig config = test::tiny_config("unused");
  std::unique_ptr<moe::CamoXpert> model = make_model(config);
  model->train(false);
  std::vector<std::string> refused;
  const auto refuse = [&](const std::string& reason) { refused.push_back(reason); };
  Predictor predictor({member_of(*model, config)});
  const Scores some = evaluate(predictor, all, {.workers = 0, .batch = 2, .refuse = refuse});
  const Scores others = evaluate(predictor, whole, {});
  REQUIRE(refused.size() == 1);
  CHECK(contains(refused[0], "p1.jpg"));
  CHECK(some.images == 2);
  for (const ScoreInfo& score : kImageScores)
    CHECK(some.*score.value == doctest::Approx(others.*score.value).epsilon(1e-12));
}

TEST_CASE("maps of another size than their masks: the remedy is named") {
  TempFolder folder;
  for (int i = 0; i < 2; ++i) {
    fs::create_directories(folder / "maps"), fs::create_directories(folder / "masks");
    write_png(folder / "maps" + text("/", i, ".png"), square(16, 16, 0, 255));
    write_png(folder / "masks" + text("/", i, ".png"), square(32, 32, 0, 255));
  }
  const std::string call = "eval --pred " + (folder / "maps") + " --gt " + (folder / "masks");
  auto r = test::run_camo(call);
  CHECK(r.code == 3);
  CHECK(contains(r.error, "16 x 16, but its mask"));
  CHECK(contains(r.error, "[--resize-maps]"));
  CHECK(test::run_camo(call + " --resize-maps").code == 0);
}

TEST_CASE("check-data names photographs that are in two splits") {
  Cache cache;
  TempFolder folder;
  make_data(folder / "data", [](const std::string& f) { write_png(f, square(20, 30, 0, 255)); });
  fs::copy_file(folder / "data/Train/Image/p0.jpg", folder / "data/Test/Image/p2.jpg",
                fs::copy_options::overwrite_existing);
  const auto r = test::run_camo("check-data " + (folder / "data"));
  CHECK(r.code == 0);
  CHECK(contains(r.out, "the same photograph twice: 1"));
}
