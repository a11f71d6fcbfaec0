// Decoded photographs that are kept give the same bits as files that are read, and a bad file of them is noticed.
#include "examples/camo/data/cache.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "examples/camo/options/files.h"
#include "examples/camo/run/trainer.h"
#include "tests/image/picture_bytes.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using test::contains;
using test::TempFolder;
namespace fs = std::filesystem;

namespace {

/// DIR/Train with n photographs of different sizes; the first `empty` masks are empty.
void make_photographs(const std::string& dir, int n, int empty = 0) {
  fs::create_directories(dir + "/Train/Image"), fs::create_directories(dir + "/Train/GT");
  for (int i = 0; i < n; ++i) {
    const int64_t h = 40 + 3 * i, w = 50 - 2 * i;
    Tensor photograph = test::picture::pattern(int(h), int(w), 3), mask = zeros({h, w, 1}, DType::u8);
    for (int64_t k = 0; k < photograph.numel(); ++k) photograph.write<uint8_t>()[k] += uint8_t(37 * i);
    for (int64_t k = h / 4 * w; i >= empty && k < h / 2 * w; ++k) mask.write<uint8_t>()[k] = 255;
    write_jpeg(dir + text("/Train/Image/p", i, ".jpg"), photograph);
    write_png(dir + text("/Train/GT/p", i, ".png"), mask);
  }
}

std::vector<Pair> pairs_of(const std::string& dir) { return find_pairs(dir, {"Train"}); }

bool same_as_files(DecodedPictures& store, const std::vector<Pair>& pairs) {
  bool same = true;
  for (int round = 0; round < 2; ++round)
    for (const Pair& p : pairs) {
      const Picture kept = store.load(p), read = read_pair(p, {});
      same = same && equal_bits(kept.image, read.image) && equal_bits(kept.mask, read.mask);
    }
  return same;
}

void change_byte(const std::string& file, int64_t at) {
  std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
  f.seekg(at);
  const char c = char(f.get() ^ 1);
  f.seekp(at), f.put(c);
}

int full_disk(const char* call, int64_t) { return std::string_view(call) == "write" ? ENOSPC : 0; }

}  // namespace

TEST_CASE(
    "a run ends with the same weights and scores without a cache, with one in memory, and with a new or old file") {
  TempFolder folder;
  make_photographs(folder / "data", 6);
  std::vector<uint64_t> weights;
  std::vector<double> ious;
  for (auto [cache, workers] :
       {std::pair{std::string("off"), 0}, {"memory", 3}, {folder / "cache", 3}, {folder / "cache", 0}}) {
    CAPTURE(cache);
    TrainConfig c = test::tiny_config(folder / text("run", weights.size()));
    c.data = folder / "data", c.hold_out = 0.3, c.accumulate = 1, c.cache = cache, c.workers = workers, c.threads = 1;
    ious.push_back(train(c).scores.iou);
    weights.push_back(test::weights_hash(c.out + "/last.safetensors"));
    CHECK(weights.back() == weights[0]);
    CHECK(ious.back() == ious[0]);
  }
}

TEST_CASE("pictures from memory are read once") {
  TempFolder folder;
  make_photographs(folder / "data", 3);
  const std::vector<Pair> pairs = pairs_of(folder / "data");
  const auto store = decoded_in_memory(pairs, {});
  CHECK(same_as_files(*store, pairs));
  const Picture before = store->load(pairs[1]);
  fs::remove(pairs[1].image);
  CHECK(equal_bits(store->load(pairs[1]).image, before.image));
  CHECK_THROWS_WITH_AS(decoded_in_memory({pairs[0], pairs[2]}, {}, 16463),
                       doctest::Contains("2 photographs decoded need 16.5 kB, the memory has"), MemoryError);
  CHECK_NOTHROW(decoded_in_memory({pairs[0], pairs[2]}, {}, 4 * (40 * 50 + 46 * 46)));
  CHECK(available_memory() > 0);
}

TEST_CASE("a file of pictures is used again, and written anew when a source has changed") {
  TempFolder folder;
  make_photographs(folder / "data", 4);
  const std::string file = folder / "cache";
  const std::vector<Pair> pairs = pairs_of(folder / "data");
  CHECK(same_as_files(*decoded_in_file(file, pairs, {}, 2), pairs));
  const std::string first = read_file<DataError>(file);
  const auto written = fs::last_write_time(file);
  CHECK(same_as_files(*decoded_in_file(file, pairs, {}, 1), pairs));
  CHECK(fs::last_write_time(file) == written);

  const auto old = decoded_in_file(file, pairs, {}, 1);
  write_jpeg(pairs[2].image, full({46, 46, 3}, 99, DType::u8));  // the same name and size, another time
  CHECK(same_as_files(*decoded_in_file(file, pairs, {}, 1), pairs));
  CHECK((read_file<DataError>(file) != first));
  CHECK(old->load(pairs[2]).image.read<uint8_t>()[0] != 99);  // a run that goes on keeps what it began with

  Reading inverse;
  inverse.mask_above = 3;
  const std::string second = read_file<DataError>(file);
  decoded_in_file(file, pairs, inverse, 1);
  CHECK((read_file<DataError>(file) != second));
  CHECK(same_as_files(*decoded_in_file(file, {pairs[3], pairs[1]}, {}, 1), {pairs[1], pairs[3]}));
}

TEST_CASE("a file of pictures that is damaged anywhere gives the pixels of the sources") {
  TempFolder folder;
  make_photographs(folder / "data", 3);
  const std::string file = folder / "cache";
  const std::vector<Pair> pairs = pairs_of(folder / "data");
  decoded_in_file(file, pairs, {}, 1);
  const std::string good = read_file<DataError>(file);
  const int64_t n = int64_t(good.size());
  for (int64_t at : {int64_t{15}, int64_t{20}, int64_t{30}, int64_t{60}, int64_t{84}, int64_t{200}, n / 2, n - 1}) {
    CAPTURE(at);
    change_byte(file, at);
    CHECK(same_as_files(*decoded_in_file(file, pairs, {}, 1), pairs));
    write_file(file, good);
  }
  const auto open = decoded_in_file(file, pairs, {}, 1);
  fs::resize_file(file, uint64_t(n / 3));  // while a run reads it
  CHECK(same_as_files(*open, pairs));
  CHECK(same_as_files(*decoded_in_file(file, pairs, {}, 1), pairs));
  CHECK((read_file<DataError>(file) == good));
}

TEST_CASE("a file of pictures never replaces another file, and a full or closed disk leaves nothing behind") {
  TempFolder folder;
  make_photographs(folder / "data", 3);
  const std::vector<Pair> pairs = pairs_of(folder / "data");
  CHECK_THROWS_WITH_AS(decoded_in_file(pairs[0].image, pairs, {}, 1), doctest::Contains("holds no decoded photographs"),
                       ConfigError);
  CHECK_THROWS_WITH_AS(decoded_in_file(folder / "none/cache", pairs, {}, 1), doctest::Contains("none/cache"),
                       DataError);
  CHECK_THROWS_WITH_AS(decoded_in_file(folder.path, pairs, {}, 1), doctest::Contains("cache: "), ConfigError);
  set_file_hook(full_disk);
  CHECK_THROWS_WITH_AS(decoded_in_file(folder / "cache", pairs, {}, 1), doctest::Contains("bytes needed"), MemoryError);
  set_file_hook(nullptr);
  CHECK(std::distance(fs::directory_iterator(folder.path), {}) == 1);  // the data
  TrainConfig c = test::tiny_config(folder / "run");
  c.data = folder / "data", c.cache = folder / "none/cache";
  CHECK_THROWS_WITH_AS(validate(c), doctest::Contains("camo train --cache"), ConfigError);
}

TEST_CASE("a run says how many masks are empty, and may draw fewer of them, with the check on or off") {
  TempFolder folder;
  make_photographs(folder / "data", 6, /*empty=*/4);
  const std::string flags =
      "train --data " + folder / "data" + " --size 32 --batch-size 2 --epochs 1 --threads 1 --hold-out 0 --out ";
  const test::ProcessResult plain = test::run_camo(flags + folder / "a"),
                            fewer = test::run_camo(flags + folder / "b --empty-share 0.4"),
                            unchecked = test::run_camo(flags + folder / "c --empty-share 0.4 --check off");
  CHECK(plain.code == 0);
  CHECK(contains(plain.out + plain.error, "4 of 6 training masks (67 %) are empty; all are used [--empty-share X"));
  CHECK(fewer.code == 0);
  CHECK(contains(fewer.out + fewer.error, "an epoch has 2 of them and repeats other photographs"));
  CHECK(test::weights_hash(folder / "a/last.safetensors") != test::weights_hash(folder / "b/last.safetensors"));
  CHECK(test::weights_hash(folder / "c/last.safetensors") == test::weights_hash(folder / "b/last.safetensors"));
}
