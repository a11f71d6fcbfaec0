// Limits of a run: the measure that chooses the best epoch, patience, a time, a memory.  What a clock or a memory
// reading decides is recorded and obeyed.
#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/options/stages.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/run/cost.h"
#include "examples/camo/run/trainer.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::contains;
using camo::test::run_camo;
using camo::test::TempFolder;
using camo::test::tiny_config;

TEST_CASE("the best epoch is best in the monitored measure, and every measure is in the metrics") {
  TempFolder folder;
  for (const std::string monitor : {"IoU", "MAE", "S", "F_weighted", "E_mean"}) {
    CAPTURE(monitor);
    TrainConfig config = tiny_config(folder / monitor);
    config.monitor = monitor, config.epochs = 4, config.count = 16, config.lr = 1e-2;
    const Outcome outcome = train(config);
    std::vector<double> values;
    for (const JsonObject& line : read_metrics(config.out + "/metrics.jsonl"))
      values.push_back(line.number(monitor == "IoU" ? "iou" : monitor == "MAE" ? "mae" : monitor));
    REQUIRE(values.size() == 4);
    const auto best = monitor == "MAE" ? std::min_element(values.begin(), values.end())
                                       : std::max_element(values.begin(), values.end());
    CHECK(outcome.best_epoch == 1 + best - values.begin());
    CHECK(std::abs(outcome.best_score) == *best);
  }
  TrainConfig wrong = tiny_config(folder / "wrong");
  CHECK_THROWS_WITH_AS(parse_config(R"({"monitor": "iou"})", "test", wrong), doctest::Contains("[one of: S, "),
                       ConfigError);
}

TEST_CASE("patience ends a stage, and the next one begins") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.lr = config.min_lr = 0, config.patience = 2;  // nothing becomes better after the first epoch
  parse_config(R"({"stages": [{"epochs": 6}, {"epochs": 7}]})", "test", config);
  CHECK(train(config).exit_code == 0);
  TrainConfig recorded;
  read_config(config.out + "/config.json", recorded);
  // Best in epoch 1: stage 1 ends after epoch 3, stage 2 two epochs later.
  CHECK(stages_of(recorded)[0].epochs == 3);
  CHECK(stages_of(recorded)[1].epochs == 2);
  CHECK(recorded.epochs == 5);
  CHECK(std::filesystem::exists(config.out + "/groups.svg"));  // as at every end
  CHECK(read_metrics(config.out + "/metrics.jsonl").size() == 5);
  CHECK(resume(config.out).exit_code == 0);
  CHECK(read_metrics(config.out + "/metrics.jsonl").size() == 5);
}

TEST_CASE("too little time leaves one epoch for each stage; a run that goes on obeys what was decided") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.hours = 1e-9;
  parse_config(R"({"stages": [{"epochs": 6}, {"epochs": 7}]})", "test", config);
  int64_t steps = 0;
  Hooks hooks;
  hooks.after_step = [&](Learner&, const StepReport&) {
    if (++steps == 2) std::raise(SIGTERM);
  };
  CHECK(train(config, hooks).exit_code == 128 + SIGTERM);
  TrainConfig recorded;
  read_config(config.out + "/config.json", recorded);
  CHECK(recorded.epochs == 2);
  CHECK(resume(config.out).exit_code == 0);
  CHECK(read_metrics(config.out + "/metrics.jsonl").size() == 2);
  // Enough time changes nothing.
  TrainConfig enough = tiny_config(folder / "enough");
  enough.hours = 100;
  CHECK(train(enough).exit_code == 0);
  CHECK(read_metrics(enough.out + "/metrics.jsonl").size() == 2);
}

TEST_CASE("time is shared out in proportion to the stages' epochs") {
  TrainConfig config = tiny_config("unused");
  parse_config(R"({"stages": [{"epochs": 10}, {"epochs": 30}]})", "test", config);
  Splits data;
  data.train.synthetic = Dataset::Synthetic{.count = 12};
  RunCost cost;
  cost.stages = {{.step_seconds = 60}, {.step_seconds = 20}};  // 3 steps an epoch: 30 and 30 minutes
  config.hours = 0.5;
  CHECK(contains(fit_hours(config, data, cost), "all 40 epochs would take 1.00 hours, so 20 are trained"));
  CHECK(stages_of(config)[0].epochs == 5);
  CHECK(stages_of(config)[1].epochs == 15);
  CHECK(fit_hours(config, data, cost).empty());
}

TEST_CASE("the last stage is shortened by what its epochs take; one before it is not") {
  TrainConfig config = tiny_config("unused");
  config.epochs = 10, config.hours = 1;
  const Stages stages(config, 12);
  // 5 minutes of the hour are left, for epochs of a minute.
  CHECK(contains(shorten_run(config, stages, {.epoch = 2}, 60, 3300), "leave time for 5 epochs more"));
  CHECK(config.epochs == 7);
  CHECK(shorten_run(config, Stages(config, 12), {.epoch = 2}, 60, 3300).empty());
  CHECK(shorten_run(config, Stages(config, 12), {.epoch = 2}, 60, 0).empty());  // never longer again
  parse_config(R"({"stages": [{"epochs": 5}, {"epochs": 5}]})", "test", config);
  CHECK(shorten_run(config, Stages(config, 12), {.epoch = 2}, 60, 3600).empty());
  CHECK(contains(shorten_run(config, Stages(config, 12), {.epoch = 6}, 60, 3600), "leave time for 0 epochs more"));
  CHECK(stages_of(config)[1].epochs == 1);
}

TEST_CASE("batch sizes are tried upwards, and none that the trials before predict to be too large") {
  std::vector<int64_t> tried;
  const auto memory = [&](int64_t b) {  // 100 for the weights, 50 for a photograph
    tried.push_back(b);
    return 100.0 + 50.0 * double(b);
  };
  CHECK(largest_batch(24, 1000, 520, memory) == 8);
  CHECK(tried == std::vector<int64_t>{1, 2, 3, 4, 6, 8});  // 12 would need 700
  tried.clear();
  CHECK(largest_batch(24, 5, 1e9, memory) == 4);  // no more than there are
  CHECK(largest_batch(7, 1000, 449, memory) == 1);
  CHECK(largest_batch(24, 1000, 199, memory) == 1);  // 2 was tried, and takes 200
  CHECK_THROWS_WITH_AS(largest_batch(24, 1000, 149, memory), doctest::Contains("needs 150 B"), MemoryError);
}

TEST_CASE("a memory decides the batch size; the photographs of a step stay") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.batch_size = 6, config.memory = "40GB", config.epochs = 1;
  CHECK(train(config).exit_code == 0);
  TrainConfig recorded;
  read_config(config.out + "/config.json", recorded);
  CHECK(recorded.batch_size == 12);
  CHECK(recorded.accumulate == 1);
  config.out = folder / "none", config.memory = "1MB";
  CHECK_THROWS_WITH_AS(train(config), doctest::Contains("one photograph at a time needs"), MemoryError);
  CHECK(!std::filesystem::exists(config.out));
  for (const char* wrong : {"6", "GB", "-1GB", "6XB", "6GBs", "nan GB"}) {
    config.memory = wrong;
    CHECK_THROWS_WITH_AS(train(config), doctest::Contains("expects a size like 6GB"), ConfigError);
  }
  CHECK(parse_bytes("1.5 GB", "x") == 1.5e9);
  CHECK(parse_bytes("2GiB", "x") == 2.0 * (1 << 30));
}

TEST_CASE("--plan prints minutes, memory and disk of each stage, and leaves nothing behind") {
  TempFolder folder;
  write_file(folder / "run.plan", "a file of the user");  // beside where the run would be
  const test::ProcessResult plan = run_camo(
      "train --data synthetic --count 12 --size 32 --batch-size 2 --epochs 3 --stage1-epochs 1 --threads 1 --plan "
      "--out " +
      folder / "run");
  REQUIRE_MESSAGE(plan.code == 0, plan.error);
  CHECK(contains(plan.out, "stage   epochs    steps  s a step"));
  CHECK(contains(plan.out, "\n1            1        6 "));
  CHECK(contains(plan.out, "\n2            2       12 "));
  CHECK(contains(plan.out, " of memory, "));
  CHECK(read_file<DataError>(folder / "run.plan") == "a file of the user");
  std::filesystem::remove(folder / "run.plan");
  CHECK(std::filesystem::is_empty(folder.path));
  // The disk is that of a run: two checkpoints of last, and one of best.
  TrainConfig config = tiny_config(folder / "real");
  config.epochs = 1;
  REQUIRE(train(config).exit_code == 0);
  const double last = double(std::filesystem::file_size(config.out + "/last.safetensors")),
               best = double(std::filesystem::file_size(config.out + "/best.safetensors"));
  Splits data = find_splits(config);
  CHECK(double(measure_cost(config, data).disk()) == doctest::Approx(2 * last + best).epsilon(0.1));
}
