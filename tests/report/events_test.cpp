// Event files, read back by a reader of the test's own (event_reader.h).
#include "examples/camo/report/events.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>

#include "examples/camo/record/run_record.h"
#include "examples/camo/report/run_events.h"
#include "examples/camo/run/trainer.h"
#include "tensor/image/image.h"
#include "tensor/io/checksum.h"
#include "tensor/random.h"
#include "tests/program/program_run.h"
#include "tests/report/event_reader.h"

using namespace camo;
using namespace camo::program;
using camo::test::event_of, camo::test::events_of, camo::test::Fields, camo::test::ReadEvent, camo::test::shown_events,
    camo::test::slow_crc32c, camo::test::TempFolder, camo::test::tiny_config;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> out;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) out.push_back(entry.path().string());
  std::sort(out.begin(), out.end());
  return out;
}

/// The steps at which TensorBoard shows a tag of a run.
std::vector<int64_t> steps_of(const std::string& run, const std::string& tag) {
  std::vector<int64_t> out;
  for (const ReadEvent& e : shown_events(run + "/events"))
    if (e.tag == tag) out.push_back(e.step);
  return out;
}

}  // namespace

TEST_CASE("CRC-32C is that of the standard's examples and of a division bit by bit") {
  CHECK(crc32c("123456789", 9) == 0xe3069283);                    // the check value of its catalogue entry
  CHECK(crc32c(std::string(32, '\0').data(), 32) == 0x8a9136aa);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff').data(), 32) == 0x62a8ab43);
  std::string bytes;
  Random random(RandomKey{.seed = 1, .domain = Domain::test});
  for (int i = 0; i < 300; ++i) {
    CHECK(crc32c(bytes.data(), int64_t(bytes.size())) == slow_crc32c(bytes));
    CHECK(crc32c(bytes.data() + i / 3, i - i / 3, crc32c(bytes.data(), i / 3)) == slow_crc32c(bytes));
    bytes += char(random.below(256));
  }
}

TEST_CASE("a file holds its version, then scalars and pictures as they were added") {
  TempFolder folder;
  EventFile file(folder / "events");
  CHECK(file.path() == "");
  file.scalar("loss/total", 0.1, 300, 12.5);
  file.scalar("loss/total", std::nan(""), 301, 12.5);
  file.scalar("loss/total", 1e300, 301, 12.5);
  Tensor colour = zeros({3, 5, 3}, DType::u8);
  colour.write<uint8_t>()[7] = 200;
  file.image("a", colour, int64_t(1) << 40, 13);
  file.image("b", full({2, 2, 1}, 9, DType::u8), 0, 14);
  file.flush();
  file.scalar("later", -1, 302, 15);
  file.flush();
  CHECK(files_in(folder / "events") == std::vector<std::string>{file.path()});
  const std::vector<ReadEvent> events = events_of(file.path());
  REQUIRE(events.size() == 5);
  CHECK(events[0].version == "brain.Event:2");
  CHECK(events[0].wall_time > 1e9);
  CHECK(events[1].tag == "loss/total");
  CHECK(events[1].scalar == 0.1f);
  CHECK(events[1].step == 300);
  CHECK(events[1].wall_time == 12.5);
  CHECK(events[2].step == int64_t(1) << 40);
  CHECK(events[4].scalar == -1);
  const std::string png = folder / "a.png";
  for (int i : {2, 3}) {
    const Fields image(events[size_t(i)].image);
    write_file(png, image.part(4));
    const Tensor read = i == 2 ? read_image(png) : camo::read_mask(png);
    CHECK(equal_bits(read, i == 2 ? colour : full({2, 2, 1}, 9, DType::u8)));
    CHECK(int64_t(image.integer(1)) == read.dim(0));
    CHECK(int64_t(image.integer(2)) == read.dim(1));
    CHECK(int64_t(image.integer(3)) == read.dim(2));
  }
}

TEST_CASE("a histogram counts every finite number once, in a bucket that holds it") {
  for (uint64_t number = 0; number < 40; ++number) {
    CAPTURE(number);
    Tensor x = randn({1 + int64_t(number) * 37}, number);
    float* v = x.write<float>();
    for (int64_t i = 0; i < x.numel(); ++i) {
      if (number % 4 == 1) v[i] = std::abs(v[i]);
      if (number % 4 == 2) v[i] = std::ldexp(v[i], int(i % 250) - 125);  // also denormal
      if (number % 4 == 3) v[i] = float(bucket_limits()[size_t(i * 7) % 1500 + 20]);
      if (number % 8 == 0 && i % 5 == 1) v[i] = std::array{0.f, -0.f, INFINITY, -INFINITY, NAN}[size_t(i / 5 % 5)];
    }
    Buckets buckets;
    buckets.add(x.slice(0, x.numel() / 2)), buckets.add(x.slice(x.numel() / 2, x.numel()));
    TempFolder folder;
    EventFile file(folder / "events");
    file.histogram("w", buckets, 3, 4), file.flush();
    const std::vector<ReadEvent> events = events_of(file.path());
    REQUIRE(events.size() == 2);
    const Fields h(events[1].histogram);
    std::vector<double> finite;
    for (int64_t i = 0; i < x.numel(); ++i)
      if (std::isfinite(v[i])) finite.push_back(v[i]);
    std::sort(finite.begin(), finite.end());
    double sum = 0, squares = 0;
    for (double f : finite) sum += f, squares += f * f;
    CHECK(h.real(1) == finite.front());
    CHECK(h.real(2) == finite.back());
    CHECK(h.real(3) == double(finite.size()));
    CHECK(buckets.not_finite == x.numel() - int64_t(finite.size()));
    CHECK(h.real(4) == doctest::Approx(sum));
    CHECK(h.real(5) == doctest::Approx(squares));
    const std::vector<double> limits = h.reals(6), counts = h.reals(7);
    REQUIRE(limits.size() == counts.size());
    CHECK(counts.front() > 0);
    CHECK(counts.back() > 0);
    for (size_t b = 0; b < limits.size(); ++b) {  // bucket b holds what is below its limit and not below the one before
      const double low = b ? limits[b - 1] : -INFINITY;
      CHECK(low < limits[b]);
      const auto limit = std::find(bucket_limits().begin(), bucket_limits().end(), limits[b]);
      REQUIRE(limit != bucket_limits().end());
      if (b > 0 && counts[b] > 0) CHECK(limit[-1] == low);  // no wider than a bucket
      CHECK(counts[b] ==
            double(std::count_if(finite.begin(), finite.end(), [&](double f) { return low <= f && f < limits[b]; })));
    }
  }
  Buckets none;
  none.add(full({3}, std::nan("")));
  TempFolder folder;
  EventFile file(folder / "events");
  file.histogram("w", none, 1, 1), file.flush();
  CHECK(events_of(file.path()).size() == 1);
}

TEST_CASE("bucket limits are those of TensorBoard's own writer") {
  const std::vector<double>& limits = bucket_limits();
  CHECK(std::is_sorted(limits.begin(), limits.end()));
  CHECK(limits[limits.size() / 2] == 0);
  CHECK(limits[limits.size() / 2 + 1] == 1e-12);
  CHECK(limits[limits.size() / 2 + 2] == 1e-12 * 1.1);
  CHECK(limits[limits.size() - 2] < 1e20);
  CHECK(limits[limits.size() - 2] * 1.1 >= 1e20);
  for (size_t i = 0; i < limits.size(); ++i) CHECK(limits[i] == -limits[limits.size() - 1 - i]);
}

TEST_CASE("files of one second have names in the order in which they were begun, and other files do not matter") {
  TempFolder folder;
  write_file(folder / "notes.txt", std::string_view("mine"));
  write_file(folder / "events.out.tfevents.4000000000.old.1.0", std::string_view());
  std::vector<std::string> begun;
  for (int64_t i = 0; i < 4; ++i) {
    EventFile file(folder.path);
    file.session_start(10 - i, 1);
    file.scalar("a", 1, 10, 1);
    file.flush();
    begun.push_back(file.path());
  }
  CHECK(std::is_sorted(begun.begin(), begun.end()));
  CHECK(files_in(folder.path).size() == 6);
  fs::remove(folder / "notes.txt");
  CHECK(shown_events(folder.path).size() == 1);
}

TEST_CASE("a full disk leaves whole records, and what could not be written follows later") {
  TempFolder folder;
  EventFile file(folder / "events");
  file.scalar("first", 1, 1, 1), file.flush();
  const auto size = fs::file_size(file.path());
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = size + 20;  // half a record
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  file.scalar("second", 2, 2, 2);
  file.image("picture", full({2, 2, 1}, 9, DType::u8), 2, 2);  // not kept while the disk is full
  CHECK_THROWS_AS(file.flush(), MemoryError);
  const auto size_after = fs::file_size(file.path());
  ::setrlimit(RLIMIT_FSIZE, &before), ::signal(SIGXFSZ, handler);
  CHECK(size_after == size);
  file.scalar("third", 3, 3, 3), file.flush();
  const std::vector<ReadEvent> events = events_of(file.path());
  REQUIRE(events.size() == 4);
  CHECK(events[2].tag == "second");
  CHECK(events[3].tag == "third");
  write_file(folder / "file", std::string_view());
  CHECK_THROWS_AS(EventFile(folder / "file").flush(), MemoryError);
}

TEST_CASE("every number of a line of metrics.jsonl has a tag of its own") {
  JsonObject line;
  line.items = {{"epoch", int64_t(3)},
                {"step", int64_t(30)},
                {"loss", 1.5},
                {"loss_deep", 0.5},
                {"iou", 0.25},
                {"F_max", 0.125},
                {"lr", std::monostate()},
                {"load_0", std::vector<double>{5, 7}},
                {"load_1", std::vector<double>{6, 8}},
                {"load_error", std::vector<double>{0.1, 0.2}},
                {"seconds", 9.0},
                {"seconds_router", 2.0},
                {"note", std::string("words")}};
  using Tagged = std::vector<std::pair<std::string, double>>;
  CHECK(tagged_numbers(line, {{"edge", "texture 2"}, {"edge"}}) == Tagged{{"run/epoch", 3},
                                                                          {"loss/total", 1.5},
                                                                          {"loss/deep", 0.5},
                                                                          {"score/IoU", 0.25},
                                                                          {"score/F_max", 0.125},
                                                                          {"load/H_4/edge", 5},
                                                                          {"load/H_4/texture_2", 7},
                                                                          {"load/H_8/edge", 6},
                                                                          {"load/H_8/1", 8},
                                                                          {"load_error/H_4", 0.1},
                                                                          {"load_error/H_8", 0.2},
                                                                          {"machine/seconds", 9},
                                                                          {"seconds/router", 2}});
  CHECK(part_of_parameter("backbone.stages.0.blocks.1.attn.q.weight") == "backbone.stages.0");
  CHECK(part_of_parameter("backbone.patch_embed.proj.weight") == "backbone");
  CHECK(part_of_parameter("scales.12.mixture.router.gate.weight") == "scales.12");
  CHECK(part_of_parameter("decoder.lateral.0.weight") == "decoder");
}

TEST_CASE("a table of pictures keeps proportions, order and channels") {
  Tensor red = zeros({20, 10, 3}, DType::u8);
  for (int64_t i = 0; i < 200; ++i) red.write<uint8_t>()[3 * i] = 255;
  const Tensor grey = full({10, 20, 1}, 100, DType::u8);
  const Tensor table = picture_table({{red, grey}, {grey}}, 40);
  CHECK(table.shape() == Shape{84, 84, 3});
  auto count = [&](std::array<int, 3> colour) {
    int64_t n = 0;
    const uint8_t* p = table.read<uint8_t>();
    for (int64_t i = 0; i < table.numel(); i += 3)
      n += p[i] == colour[0] && p[i + 1] == colour[1] && p[i + 2] == colour[2];
    return n;
  };
  CHECK(count({255, 0, 0}) == 40 * 20);
  CHECK(count({100, 100, 100}) == 2 * 40 * 20);
  CHECK(table.read<uint8_t>()[(20 * 84 + 20) * 3] == 255);  // red in the upper left cell
  CHECK(picture_table({{grey}}, 40).shape() == Shape{40, 40, 1});
}

TEST_CASE("the events of a run are its metrics; of one that is stopped and continued too, each step once") {
  TempFolder folder;
  auto config = [&](const std::string& name) {
    TrainConfig out = tiny_config(folder / name);
    out.epochs = 3;
    return out;
  };
  REQUIRE(train(config("whole")).exit_code == 0);
  for (int64_t stop : {3, 5, 6}) {
    CAPTURE(stop);
    const std::string run = folder / text("stopped_", stop);
    int64_t steps = 0;
    Hooks hooks;
    hooks.after_step = [&](Learner&, const StepReport&) {
      if (++steps == stop) std::raise(SIGTERM);
    };
    train(config(fs::path(run).filename()), hooks);
    REQUIRE(resume(run).exit_code == 0);
  }
  for (const char* name : {"whole", "stopped_3", "stopped_5", "stopped_6"}) {
    CAPTURE(name);
    const std::string run = folder / name;
    const std::vector<JsonObject> metrics = read_metrics(run + "/metrics.jsonl");
    REQUIRE(metrics.size() == 3);
    CHECK(steps_of(run, "loss/total") == std::vector<int64_t>{3, 6, 9});
    CHECK(steps_of(run, "weights/decoder") == std::vector<int64_t>{3, 6, 9});
    CHECK(steps_of(run, "validation/truth_prediction") == std::vector<int64_t>{3, 6, 9});
    size_t epoch = 0;
    for (const ReadEvent& e : shown_events(run + "/events"))
      if (e.tag == "score/IoU") CHECK(e.scalar == float(metrics.at(epoch++).number("iou")));
  }
}

TEST_CASE("a run that was killed after its events and before its checkpoint shows no step twice") {
  TempFolder folder;
  const std::string run = folder / "run";
  TrainConfig config = tiny_config(run);
  config.epochs = 1;
  REQUIRE(train(config).exit_code == 0);
  fs::copy(run + "/last.safetensors", folder / "last");
  REQUIRE(resume(run, [](TrainConfig& c) { c.epochs = 3; }).exit_code == 0);
  fs::rename(folder / "last", run + "/last.safetensors");
  const std::string newest = files_in(run + "/events").back();
  fs::resize_file(newest, fs::file_size(newest) - 5);  // and in the middle of a record
  bool cut = false;
  CHECK(!test::records_of(read_file<DataError>(newest), cut).empty());
  CHECK(cut);
  REQUIRE(resume(run, [](TrainConfig& c) { c.epochs = 3; }).exit_code == 0);
  CHECK(files_in(run + "/events").size() == 3);
  CHECK(steps_of(run, "loss/total") == std::vector<int64_t>{3, 6, 9});
  CHECK(steps_of(run, "weights/sides") == std::vector<int64_t>{3, 6, 9});

  fs::remove(run + "/last.safetensors");  // killed before the first checkpoint: the run begins anew
  REQUIRE(resume(run).exit_code == 0);
  CHECK(steps_of(run, "loss/total") == std::vector<int64_t>{3, 6, 9});
  CHECK(read_metrics(run + "/metrics.jsonl").size() == 3);
}
