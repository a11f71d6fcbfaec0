// The tables that a run prints after each epoch.
#include "examples/camo/record/tables.h"

#include <doctest/doctest.h>

#include "examples/camo/record/run_record.h"
#include "examples/camo/run/trainer.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::contains;

TEST_CASE("the experts' table has names, counts, shares of the epoch and of all epochs, and bars") {
  const std::vector<ScaleNames> scales = {{"H/4", {"one", "another"}}, {"H/8", {"one", "another"}}};
  const std::string table = expert_table(scales, {{30, 10}, {0, 40}}, {{0.5, 0.5}, {0.25, 0.75}});
  CHECK(table ==
        "expert   H/4: choices, mean               H/8: choices, mean\n"
        "one            30   75 %   50 % ######           0    0 %   25 %\n"
        "another        10   25 %   50 % ##              40  100 %   75 % ########\n");
}

TEST_CASE("experts without images and experts with nearly all are warned of, by name") {
  const std::vector<ScaleNames> scales = {{"H/4", {"a", "b", "c", "d"}}};
  using Words = std::vector<std::string>;
  CHECK(expert_warnings(scales, {{50, 50, 50, 50}}, 2).empty());
  CHECK(expert_warnings(scales, {{81, 100, 19, 0}}, 2) ==
        Words{"warning: 81 % chose H/4, a", "warning: 100 % chose H/4, b", "warning: no photograph chose H/4, d"});
  CHECK(expert_warnings(scales, {{100, 100, 99, 1}}, 3).empty());  // three of four: most are chosen by most
}

TEST_CASE("the mean share is over the epochs, each with the same weight") {
  std::vector<JsonObject> lines(3);
  lines[0].set("load_0", std::vector<double>{3, 1});
  lines[2].set("load_0", std::vector<double>{10, 90});
  lines[0].set("load_1", std::vector<double>{1, 1});
  lines[2].set("load_1", std::vector<double>{1, 1});
  const auto mean = mean_shares(lines);
  REQUIRE(mean.size() == 2);
  CHECK(mean[0][0] == doctest::Approx((0.75 + 0.1) / 2));
  CHECK(mean[0][1] == doctest::Approx((0.25 + 0.9) / 2));
  CHECK(mean[1][0] == doctest::Approx(0.5));
  CHECK(mean_shares({}).empty());
}

TEST_CASE("a run's metrics hold the terms of the loss, which add up to it, and the seconds of its parts") {
  test::TempFolder folder;
  TrainConfig config = test::tiny_config(folder / "run");
  config.router = "balancing=auxiliary";
  train(config);
  for (const JsonObject& line : read_metrics(folder / "run/metrics.jsonl")) {
    double terms = 0;
    for (const auto& [key, value] : line.items)
      if (key.starts_with("loss_")) terms += line.number(key);
    CHECK(line.find("loss_structure"));
    CHECK(line.find("loss_aux"));
    CHECK(terms == doctest::Approx(line.number("loss")).epsilon(1e-5));
    double parts = 0;
    for (const char* part : {"data", "forward", "loss", "backward", "optimizer"})
      parts += line.number(text("seconds_", part));
    CHECK(parts > 0);
    CHECK(parts <= line.number("seconds"));
    CHECK(line.number("seconds_router") <= line.number("seconds_experts"));
    CHECK(line.number("seconds_experts") <= line.number("seconds_forward"));
  }
}

TEST_CASE("the start of a run says what it runs on, what is trained and checked; --profile prints the parts") {
  test::TempFolder folder;
  const test::ProcessResult run = test::run_camo(
      "train --data synthetic --size 32 --batch-size 2 --accumulate 3 --count 12 --epochs 1 --lr 6e-4 --verify-every 7 "
      "--threads 1 --profile --out " +
      folder / "run");
  REQUIRE(run.code == 0);
  for (const char* words :
       {"5011440 parameters, all of them trained", "cpu", "1 thread, ", "flash attention", "checked every 7 passes",
        "6 photographs (2 at a time)", "rate up to 0.0006, that is 0.0001 a photograph", "texture", "hybrid",
        "H/32: choices, mean", "part ", "  backbone", "    router", "optimizer", "everything else"})
    CHECK_MESSAGE(contains(run.out, words), words, "\n", run.out);
}
