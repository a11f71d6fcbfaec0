// Parts of the program: configuration, JSON, data sets, augmentation, run folders, evaluation, prediction.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

#include "examples/camo/data/augment.h"
#include "examples/camo/data/splits.h"
#include "examples/camo/options/files.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/evaluate.h"
#include "tensor/image/image.h"
#include "tensor/io/checksum.h"
#include "tensor/io/file.h"
#include "tensor/io/io.h"
#include "tensor/ops/matmul.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::run_camo;
using camo::test::TempFolder;
using camo::test::tiny_config;
namespace fs = std::filesystem;

namespace {

Picture noise_picture(int64_t h, int64_t w) {
  Picture out{empty({h, w, 3}, DType::u8), empty({h, w, 1}, DType::u8)};
  Random random({.seed = 5, .domain = Domain::test});
  for (int64_t i = 0; i < h * w * 3; ++i) out.image.write<uint8_t>()[i] = uint8_t(random.below(256));
  for (int64_t i = 0; i < h * w; ++i) out.mask.write<uint8_t>()[i] = i % w < w / 2 ? 255 : 0;
  return out;
}

}  // namespace

TEST_CASE("a configuration that is written and read is the same in every bit") {
  TrainConfig c;
  c.data = "a \"quoted\" path\\with\tall", c.lr = 0.1 + 0.2, c.min_lr = 1e-300, c.seed = 8999999999999999,
  c.size = {64, 96};
  c.precision = Precision::bf16, c.augment = "off", c.weight_decay = 0;
  for (bool one_line : {false, true}) {
    TrainConfig back;
    parse_config(to_text(c, one_line), "test", back);
    CHECK(to_text(back) == to_text(c));
    CHECK(back.lr == c.lr);
    CHECK(back.size == c.size);
  }
}

TEST_CASE("'auto' is resolved before a run records its configuration") {
  for (Precision precision : {Precision::fp32, Precision::bf16}) {
    TrainConfig c;
    c.precision = precision, c.bf16_units = UnitsChoice::automatic, c.threads = 2;
    apply_machine(c);
    CHECK(c.bf16_units != UnitsChoice::automatic);
    CHECK((c.bf16_units == UnitsChoice::off || precision == Precision::bf16));
    CHECK(bf16_units() == Bf16Units(c.bf16_units));
  }
  TrainConfig off;
  apply_machine(off);
  CHECK(bf16_units() == Bf16Units::off);
  TrainConfig old;
  parse_config("{\"bf16-units\": \"on\"}", "config", old);  // of a run from before there were tiles
  CHECK(old.bf16_units == UnitsChoice::pairs);
}

TEST_CASE("JSON numbers keep their type and their bits") {
  JsonObject o;
  o.items = {{"int", int64_t(1) << 62},
             {"whole", 3.0},
             {"third", 1.0 / 3},
             {"nan", NAN},
             {"list", std::vector<double>{1, 0.1, -1e300}},
             {"text", "é\n\""}};
  JsonObject back = parse_json(to_json(o), "test");
  CHECK(to_json(back) == to_json(o));
  CHECK(back.integer("int") == int64_t(1) << 62);
  CHECK(std::holds_alternative<double>(*back.find("whole")));
  CHECK(back.number("third") == 1.0 / 3);
  CHECK(std::isnan(back.number("nan")));
  CHECK(back.string("text") == "é\n\"");
  CHECK_THROWS_AS(back.integer("third"), ConfigError);
  CHECK_THROWS_AS(parse_json("{\"a\": [[1]]}", "t"), ConfigError);
}

TEST_CASE("the hold-out is a random part that depends on the seed, and is disjoint from training") {
  std::vector<Pair> pairs;
  for (int i = 0; i < 50; ++i) pairs.push_back({text("p", i), "", ""});
  Splits a = hold_out(pairs, 0.2, 1), b = hold_out(pairs, 0.2, 1), c = hold_out(pairs, 0.2, 2);
  CHECK(a.validation.size() == 10);
  CHECK(a.train.size() == 40);
  std::set<std::string> names;
  for (const Dataset* d : {&a.train, &a.validation})
    for (const Pair& p : d->pairs) names.insert(p.name);
  CHECK(names.size() == 50);
  bool same = true, other = true;
  for (int64_t i = 0; i < 10; ++i)
    same = same && a.validation.name(i) == b.validation.name(i),
    other = other && a.validation.name(i) == c.validation.name(i);
  CHECK(same);
  CHECK(!other);
  CHECK(hold_out(pairs, 0, 1).validation.size() == 0);
  CHECK(hold_out({pairs[0]}, 0.5, 1).train.size() == 1);
}

TEST_CASE("augmentation depends on its key alone; photograph and mask move together") {
  Picture p = noise_picture(40, 30);
  RandomKey key{.seed = 3, .domain = Domain::augment, .path = 8, .step = 2}, later = key;
  later.step = 3;
  Sample a = transform(p, {32, 48}, draw(key)), b = transform(p, {32, 48}, draw(key)),
         c = transform(p, {32, 48}, draw(later));
  CHECK(a.image.shape() == Shape{32, 48, 3});
  CHECK(a.mask.shape() == Shape{32, 48, 1});
  CHECK(equal_bits(a.image, b.image));
  CHECK(equal_bits(a.mask, b.mask));
  CHECK(!equal_bits(a.image, c.image));

  // A photograph that is equal to its mask stays equal to it after any geometric change.
  for (int64_t i = 0; i < p.mask.numel(); ++i)
    for (int k = 0; k < 3; ++k) p.image.write<uint8_t>()[3 * i + k] = p.mask.read<uint8_t>()[i];
  for (uint32_t epoch = 0; epoch < 20; ++epoch) {
    key.step = epoch;
    Augmentation d = draw(key);
    d.brightness = d.contrast = d.saturation = 1;
    Sample s = transform(p, {32, 32}, d);
    int64_t wrong = 0;
    for (int64_t i = 0; i < 32 * 32; ++i)
      wrong += (s.image.read<float>()[3 * i] > 0.1f) != (s.mask.read<float>()[i] > 0.5f);
    CHECK(wrong <= 64);  // at the seam, at most two pixels per row
  }
}

TEST_CASE("a crop is the stated part of photograph and mask") {
  const Picture p = noise_picture(40, 30);
  const RawSample part = cut(p, {20, 18}, {.top = 0.25, .left = 0.1, .height = 0.5, .width = 0.6});
  REQUIRE(part.image.shape() == Shape{20, 18, 3});
  int64_t wrong = 0;
  for (int64_t y = 0; y < 20; ++y)
    for (int64_t x = 0; x < 18; ++x) {
      const int64_t to = y * 18 + x, from = (10 + y) * 30 + 3 + x;
      for (int64_t c = 0; c < 3; ++c)
        wrong += part.image.read<uint8_t>()[3 * to + c] != p.image.read<uint8_t>()[3 * from + c];
      wrong += part.mask.read<uint8_t>()[to] != p.mask.read<uint8_t>()[from];
    }
  CHECK(wrong == 0);
}

TEST_CASE("brightness, contrast about mid grey and saturation change each pixel by its own colour") {
  const Picture p = noise_picture(40, 30);
  const double brightness = 0.9, contrast = 1.15, saturation = 0.8;
  const Sample s = transform(p, {40, 30}, {.brightness = brightness, .contrast = contrast, .saturation = saturation});
  const double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  double worst = 0;
  for (int64_t i = 0; i < 40 * 30; ++i) {
    const uint8_t* rgb = p.image.read<uint8_t>() + 3 * i;
    const double grey = (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]) / 255;
    for (int64_t c = 0; c < 3; ++c) {
      const double coloured = grey + saturation * (rgb[c] / 255.0 - grey);
      const double seen = std::clamp(0.5 + contrast * (brightness * coloured - 0.5), 0.0, 1.0);
      worst = std::max(worst, std::abs(double(s.image.read<float>()[3 * i + c]) - (seen - mean[c]) / deviation[c]));
    }
  }
  CHECK(worst < 1e-5);
}

TEST_CASE("changes are drawn within their ranges: a crop lies in its picture, half are turned, half are flipped") {
  double turned = 0, flipped = 0, top = 0, room = 0;
  bool inside = true;
  for (uint32_t step = 0; step < 4000; ++step) {
    const Augmentation d = draw({.seed = 3, .domain = Domain::augment, .step = step});
    inside = inside && d.height >= 0.65 && d.width >= 0.65 && d.top >= 0 && d.left >= 0 &&
             d.top + d.height <= 1 + 1e-12 && d.left + d.width <= 1 + 1e-12 && std::abs(d.angle) <= 0.26;
    for (double factor : {d.brightness, d.contrast, d.saturation}) inside = inside && factor >= 0.8 && factor <= 1.2;
    turned += d.angle != 0, flipped += d.flip, top += d.top, room += 1 - d.height;
  }
  CHECK(inside);
  CHECK(std::abs(turned / 4000 - 0.5) < 0.04);  // five standard deviations
  CHECK(std::abs(flipped / 4000 - 0.5) < 0.04);
  CHECK(top / room == doctest::Approx(0.5).epsilon(0.1));
}

TEST_CASE("synthetic validation has pictures that training never shows") {
  const Splits splits = find_splits(tiny_config("unused"));
  REQUIRE(splits.validation.size() > 0);
  bool apart = true;
  for (int64_t j = 0; j < splits.validation.size(); ++j)
    for (int64_t epoch : {0, 1})
      for (int64_t i = 0; i < splits.train.size(); ++i)
        apart = apart && !equal_bits(splits.train.load(i, epoch).image, splits.validation.load(j, epoch).image);
  CHECK(apart);
  CHECK(equal_bits(splits.validation.load(0, 0).image, splits.validation.load(0, 1).image));
}

TEST_CASE("without augmentation a picture of the right size is only normalised") {
  Picture p = noise_picture(32, 32);
  Sample s = plain(p, {32, 32});
  Tensor n = normalised(p.image, {32, 32});
  CHECK(equal_bits(s.image, n));
  CHECK(s.image.read<float>()[4] == doctest::Approx((p.image.read<uint8_t>()[4] / 255.0 - 0.456) / 0.224));
  CHECK(s.mask.read<float>()[0] == 1);
  CHECK(s.mask.read<float>()[31] == 0);
}

TEST_CASE("a run folder is used by one run, is locked, and its metrics survive a torn line") {
  TempFolder folder;
  RunRecord run(RunFolder::create(folder / "run"), [](const std::string& warning) { FAIL(warning); });
  const std::string metrics = run.folder().file(RunFile::metrics);
  CHECK_THROWS_WITH_AS(RunFolder::open(folder / "run"), doctest::Contains("holds no run"), ConfigError);
  write_file(run.folder().file(RunFile::config), std::string_view("{}"));
  CHECK_THROWS_WITH_AS(RunFolder::create(folder / "run"), doctest::Contains("holds a run already"), ConfigError);
  CHECK_THROWS_WITH_AS(RunFolder::open(folder / "run"),
                       doctest::Contains(text("in use by process ", ::getpid()).c_str()), ConfigError);
  for (int64_t epoch : {1, 2, 3}) {
    JsonObject line;
    line.items = {{"epoch", epoch}, {"loss", 1.0 / double(epoch)}};
    run.add_line(line);
  }
  FILE* f = std::fopen(metrics.c_str(), "a");
  std::fputs("{\"epoch\": 4, \"lo", f), std::fclose(f);
  CHECK(read_metrics(metrics).size() == 3);
  run.trim_metrics(2);
  REQUIRE(read_metrics(metrics).size() == 2);
  CHECK(read_metrics(metrics)[1].number("loss") == 0.5);
}

TEST_CASE("a new run refuses a folder with any file whose name it would write") {
  TempFolder folder;
  const std::string run = folder / "mine";
  for (const RunFileName& row : kRunFiles) {
    CAPTURE(row.name);
    fs::remove_all(run);
    fs::create_directories(run);
    const std::string file = run + "/" + row.name;
    write_file(file, std::string_view("mine"));
    CHECK_THROWS_WITH_AS(RunFolder::create(run), doctest::Contains(row.name), ConfigError);
    CHECK(read_file<DataError>(file) == "mine");
    CHECK(std::distance(fs::directory_iterator(run), {}) == 1);
  }
  CHECK_THROWS_WITH_AS(train(tiny_config(run)), doctest::Contains("holds a file that the run would overwrite (lock)"),
                       ConfigError);
  fs::rename(run + "/lock", run + "/notes.txt");  // other names belong to the user
  CHECK_NOTHROW(RunFolder::create(run));
  CHECK_NOTHROW(RunFolder::create(run));  // only a lock is there, as after a run that was killed at its start
}

TEST_CASE("the table of a run's files lists all files that a run writes") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.count = 30, config.batch_size = 5, config.epochs = 1;  // 3 pictures are for validation
  REQUIRE(train(config).exit_code == 0);
  std::set<std::string> written, known;
  for (const fs::directory_entry& entry : fs::directory_iterator(config.out))
    written.insert(entry.path().filename().string());
  for (const RunFileName& row : kRunFiles) known.insert(row.name);
  CHECK(written == known);
}

TEST_CASE("train, eval, predict and inspect work together") {
  TempFolder folder;
  CHECK(run_camo("synth --count 6 --size 48x40 --out " + folder / "data").code == 0);
  std::string train =
      "train --data " + folder / "data --size 32 --batch-size 2 --epochs 1 --hold-out 0.34 --out " + folder / "run";
  test::ProcessResult trained = run_camo(train);
  CAPTURE(trained.error);
  REQUIRE(trained.code == 0);
  CHECK(trained.out.find("EMA") != std::string::npos);
  CHECK(trained.out.find('\r') == std::string::npos);
  CHECK(test::contains(read_file<DataError>(folder / "run/curves.svg"), "</svg>"));
  CHECK(run_camo(train).code == 2);

  std::string weights = folder / "run/best.safetensors";
  test::ProcessResult eval =
      run_camo("eval --weights " + weights + " --data " + folder / "data --out " + folder / "scores.json");
  CHECK(eval.code == 0);
  CHECK(eval.out.find("averaged (EMA)") != std::string::npos);
  REQUIRE(run_camo("predict --weights " + weights + " --out " + folder / "found " + folder / "data/Image").code == 0);
  CHECK(probe_image(folder / "found/map/synthetic_000003.png").width == 40);
  CHECK(probe_image(folder / "found/overlay/synthetic_000003.png").channels == 3);
  CHECK(run_camo("predict --weights " + weights + " --out " + folder / "found " + folder / "data/Image").code == 2);
  // The maps on disk have the same score as the network.
  test::ProcessResult maps = run_camo("eval --pred " + folder / "found/map --gt " + folder / "data/GT");
  CHECK(maps.code == 0);
  CHECK(eval.out.find(maps.out) != std::string::npos);

  test::ProcessResult inspect = run_camo("inspect --stats --hash " + weights);
  CHECK(inspect.code == 0);
  CHECK(inspect.out.find("ema.") != std::string::npos);
  CHECK(test::contains(inspect.out, "looks like pvt_v2_b0: 176 of 176 tensors, timm names behind"));
  CHECK(inspect.out.find("NaN or infinite") == std::string::npos);

  test::ProcessResult picture = run_camo("inspect " + folder / "data/Image/synthetic_000003.png");
  CHECK(picture.code == 0);
  CHECK(test::contains(picture.out, "png, 40 x 48 pixels (width x height), 3 channels of 8 bits, EXIF orientation 1"));
  const Tensor pixels = read_image(folder / "data/Image/synthetic_000003.png");
  char sum[16];
  std::snprintf(sum, sizeof sum, "%08x", crc32(pixels.read<uint8_t>(), pixels.numel()));
  CHECK(test::contains(picture.out, text("as a photograph (upright, RGB) ", sum)));
  CHECK(inspect.out == run_camo("inspect --stats --hash " + weights).out);
}
