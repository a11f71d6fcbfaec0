// The files of a run that goes on, and its report, say what the whole run did: once, and nothing that is no longer true.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/report/run_report.h"
#include "examples/camo/run/trainer.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
namespace fs = std::filesystem;
using test::contains;
using test::run_camo;
using test::TempFolder;

namespace {

std::vector<std::string> lines_in(const std::string& file) {
  std::vector<std::string> out;
  std::istringstream in(read_file<DataError>(file));
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

int64_t number_of(const std::vector<std::string>& lines, const std::string& part) {
  return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return contains(line, part); });
}

}  // namespace

TEST_CASE("a run whose metrics have a torn line in the middle goes on and has a report") {
  TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "run");
  REQUIRE(train(config).exit_code == 0);
  const std::string metrics = config.out + "/metrics.jsonl";
  const std::vector<std::string> lines = lines_in(metrics);
  REQUIRE(lines.size() == 2);
  write_file(metrics, lines[0] + "\n" + lines[0].substr(0, 40) + lines[1] + "\n");
  CHECK(read_metrics(metrics).size() == 1);
  CHECK(contains(report_html({config.out}, "report"), "1 of 2 lines of metrics.jsonl are no epochs"));
  REQUIRE(resume(config.out, [](TrainConfig& c) { c.epochs = 3; }).exit_code == 0);
  CHECK(lines_in(metrics).size() == 2);  // epochs 1 and 3
  CHECK(number_of(lines_in(config.out + "/warnings.txt"), "a line of metrics is left out") == 1);
  CHECK(contains(read_file<DataError>(config.out + "/report.html"), "finished: 3 epochs"));
}

TEST_CASE("a run that goes on from weights and gets no better names the start as its best") {
  TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "first");
  config.model = "camoxpert-single";  // balancing would move the routes of a mixture, and so the score
  REQUIRE(train(config).exit_code == 0);
  config.weights = config.out, config.out = folder / "second", config.lr = config.min_lr = 1e-12, config.epochs = 1;
  const Outcome outcome = train(config);
  REQUIRE(outcome.best_epoch == 0);
  const std::string page = read_file<DataError>(config.out + "/report.html");
  CHECK(contains(page, "best IoU, before the first epoch"));
  CHECK(contains(page, "<b>" + fixed(outcome.best_score, 4) + "</b>"));
}

TEST_CASE("a report's camo eval reads the photographs as the run did") {
  TempFolder folder;
  fs::create_directories(folder / "run");
  write_file(
      folder / "run/config.json",
      std::string_view("{\"data\": \"\", \"images\": \"my photographs\", \"masks\": \"masks\", \"mask-above\": 9, "
                       "\"mask-alpha\": true, \"mask-resize\": \"off\", \"exif\": \"ignore\"}"));
  CHECK(contains(report_html({folder / "run"}, "report"), text("camo eval --weights ", folder / "run",
                                                               " --images &#39;my photographs&#39; --masks masks "
                                                               "--mask-above 9 --mask-alpha --exif ignore<")));
}

TEST_CASE("warnings.txt holds what the run printed, each once, though epochs are repeated") {
  TempFolder folder;
  const std::string run = folder / "run";
  const test::ProcessResult whole =
      run_camo("train --data synthetic --count 12 --size 32 --batch-size 2 --epochs 2 --lr 10 --clip 0 --out " + run);
  std::vector<std::string> printed;
  std::istringstream out(whole.out);
  for (std::string line; std::getline(out, line);)
    if (line.starts_with("warning: ")) printed.push_back(line.substr(9));
  REQUIRE(!printed.empty());
  const std::vector<std::string> kept = lines_in(run + "/warnings.txt");
  std::vector<std::string> words;
  for (const std::string& line : kept)
    if (!(whole.code != 0 && &line == &kept.back()))  // the reason of its end
      words.push_back(line.starts_with("epoch ") ? line.substr(line.find(": ") + 2) : line);
  CHECK(words == printed);
}

TEST_CASE("a run that repeats an epoch keeps the warnings of that epoch once") {
  TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "run");
  Hooks hooks;
  hooks.before_pass = [](int64_t pass, Sample& batch) {
    if (pass % 6 == 3) batch.image.write<float>()[5] = NAN;  // in the second step of every epoch
  };
  config.epochs = 1;
  REQUIRE(train(config, hooks).exit_code == 0);
  fs::copy(config.out + "/last.safetensors", folder / "last");
  const auto two = [](TrainConfig& c) { c.epochs = 2; };
  REQUIRE(resume(config.out, two, hooks).exit_code == 0);
  fs::rename(folder / "last", config.out + "/last.safetensors");  // as if killed before the second checkpoint
  REQUIRE(resume(config.out, two, hooks).exit_code == 0);
  const std::vector<std::string> kept = lines_in(config.out + "/warnings.txt");
  CHECK(number_of(kept, "epoch 1: step 2 skipped") == 1);
  CHECK(number_of(kept, "epoch 2: step 5 skipped") == 1);
}

TEST_CASE("a run that ends with NaN has a report, and its reason is among the warnings") {
  TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "run");
  config.bad_steps = 2;
  Hooks hooks;
  hooks.before_pass = [](int64_t, Sample& batch) { batch.image.write<float>()[0] = INFINITY; };
  CHECK_THROWS_AS(train(config, hooks), NumericError);
  CHECK(number_of(lines_in(config.out + "/warnings.txt"), "2 steps in a row") == 1);
  CHECK(contains(read_file<DataError>(config.out + "/report.html"), "2 steps in a row"));
}

TEST_CASE("a run that goes on removes the pictures of its earlier end") {
  TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "run");
  config.epochs = 1;
  REQUIRE(train(config).exit_code == 0);
  const char* const drawn_last[] = {"/worst.svg", "/groups.svg", "/responses_0.svg"};
  for (const char* name : drawn_last) REQUIRE(fs::exists(config.out + name));
  REQUIRE(resume(config.out).exit_code == 0);  // nothing left to do
  for (const char* name : drawn_last) CHECK(fs::exists(config.out + name));
  int64_t steps = 0;
  Hooks hooks;
  hooks.after_step = [&](Learner&, const StepReport&) {
    if (++steps == 1) std::raise(SIGTERM);
  };
  REQUIRE(resume(
              config.out, [](TrainConfig& c) { c.epochs = 2; }, hooks)
              .exit_code == 128 + SIGTERM);
  for (const char* name : drawn_last) CHECK(!fs::exists(config.out + name));
}
