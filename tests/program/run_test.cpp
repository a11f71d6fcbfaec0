// A run: what one optimizer step is, which weights are scored, which are kept as the best, how long it will take.
#include <doctest/doctest.h>

#include <cmath>

#include "examples/camo/record/progress.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/run/stages.h"
#include "examples/camo/run/trainer.h"
#include "moe/verify/survey.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::TempFolder;
using camo::test::tiny_config;
using camo::test::weights_hash;

namespace {

/// Makes the network answer "all object" or "all background", whatever it sees.
void answer(Learner& learner, bool object) {
  for (nn::Parameter& p : learner.model().named_parameters())
    fill(p.var.value(), p.name.ends_with("bias") ? (object ? 1 : -1) : 0);
}

}  // namespace

TEST_CASE("a step over the same batch several times is the step over it once: gradients are averaged") {
  TrainConfig config = tiny_config("unused");
  config.router = "balancing=none", config.drop_path = 0;
  const Sample batch{randn({2, 32, 32, 3}, 1), full({2, 32, 32, 1}, 1)};
  double loss[2], norm[2], even[2];
  for (int twice : {0, 1}) {
    Learner learner(config, /*fresh=*/true);
    std::vector<Sample> batches(size_t(1 + twice), batch);
    const StepReport report = learner.step(batches, 1e-3, nullptr);
    REQUIRE(report.accepted);
    loss[twice] = report.loss, norm[twice] = report.grad_norm, even[twice] = report.auxiliary.at(0);
  }
  CHECK(loss[1] == doctest::Approx(loss[0]).epsilon(1e-6));
  CHECK(norm[1] == doctest::Approx(norm[0]).epsilon(1e-5));
  CHECK(even[1] == doctest::Approx(even[0]).epsilon(1e-6));
  CHECK(norm[0] > 0);
}

TEST_CASE("the averaged weights are scored: those of best.safetensors give the scores of its line in metrics.jsonl") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.count = 30, config.lr = 3e-3, config.ema_decay = 0.9;
  const Outcome outcome = train(config);
  const std::vector<JsonObject> lines = read_metrics(folder / "run/metrics.jsonl");
  REQUIRE(lines.size() == 2);
  TrainedNetwork best = load_model(folder / "run");
  Predictor predictor({member_of(*best.model, config)});
  const Scores again = evaluate(predictor, find_splits(best.config).validation, {});
  const JsonObject& line = lines[size_t(outcome.best_epoch - 1)];
  CHECK(again.images == 3);
  for (const ScoreInfo& score : kImageScores) {
    CAPTURE(score.name);
    CHECK(again.*score.value == doctest::Approx(line.number(score.name)).epsilon(1e-12));
  }
  CHECK(again.mae > 0);
}

TEST_CASE("the best weights are kept when later ones are worse, also when the run was continued between them") {
  TempFolder folder;
  uint64_t first = 0;
  auto hooks = [&](const std::string& run, int64_t steps) {
    return Hooks{.before_pass = nullptr,
                 .after_step = [&, run, steps, done = int64_t(0)](Learner& learner, const StepReport&) mutable {
                   if (++done > steps && !first) first = weights_hash(run + "/best.safetensors");
                   answer(learner, done <= steps);
                 }};
  };
  for (bool resumed : {false, true}) {
    CAPTURE(resumed);
    const std::string run = folder / (resumed ? "resumed" : "whole");
    TrainConfig config = tiny_config(run);
    config.count = 27, config.batch_size = 3, config.accumulate = 3, config.ema_decay = 0, config.drop_path = 0;
    const int64_t steps = 3;  // in an epoch: 27 photographs, 3 passes of 3 each
    config.epochs = resumed ? 1 : 2;
    first = 0;
    Outcome outcome = train(config, hooks(run, steps));
    if (resumed) {
      first = weights_hash(run + "/best.safetensors");
      outcome = resume(
          run, [](TrainConfig& c) { c.epochs = 2; }, hooks(run, 0));
    }
    const std::vector<JsonObject> lines = read_metrics(run + "/metrics.jsonl");
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].number("iou") > 0);
    CHECK(lines[1].number("iou") < lines[0].number("iou"));
    CHECK(outcome.best_epoch == 1);
    CHECK(outcome.best_score == lines[0].number("iou"));
    CHECK(first != 0);
    CHECK(weights_hash(run + "/best.safetensors") == first);
  }
}

TEST_CASE("the rate rises in the warm-up, ends at its floor, and the metrics tell that of each epoch's last step") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.count = 14, config.epochs = 3, config.warmup = 0.5, config.lr = 1e-3, config.min_lr = 1e-5;
  const int64_t steps = 4;  // of an epoch: 7 passes, two in a step, and one in the last
  const Stage schedule = Stages(config, config.count).all()[0];
  auto rate = [&](int64_t step) {
    if (step < 2) return 1e-3 * double(step + 1) / 2;
    const double part = double(step - 2) / double(3 * steps - 2);
    return 1e-5 + (1e-3 - 1e-5) * (1 + std::cos(std::acos(-1.0) * part)) / 2;
  };
  for (int64_t step = 0; step < 3 * steps; ++step) CHECK(schedule.rate(step) == doctest::Approx(rate(step)));
  train(config);
  const std::vector<JsonObject> lines = read_metrics(folder / "run/metrics.jsonl");
  REQUIRE(lines.size() == 3);
  for (int64_t epoch = 0; epoch < 3; ++epoch) {
    CHECK(lines[size_t(epoch)].integer("step") == (epoch + 1) * steps);
    CHECK(lines[size_t(epoch)].number("lr") == doctest::Approx(rate((epoch + 1) * steps - 1)));
  }
}

TEST_CASE("checkpoints hold the gates of the start, also those of a run that went on") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1;
  const nn::NamedTensors start = moe::gates(Learner(config, /*fresh=*/true).model());
  REQUIRE(!start.empty());
  train(config);
  for (bool resumed : {false, true}) {
    if (resumed) resume(config.out, [](TrainConfig& c) { c.epochs = 2; });
    const nn::NamedTensors kept = load_model(config.out).first_gates;
    REQUIRE(kept.size() == start.size());
    for (size_t i = 0; i < start.size(); ++i) {
      CHECK(kept[i].first == start[i].first);
      CHECK(equal_bits(kept[i].second, start[i].second));
    }
  }
}

TEST_CASE("the time left counts the steps of this process alone, those of its last minute") {
  TimeLeft fresh(0), continued(900);
  for (int i = 1; i <= 10; ++i) fresh.at(2 * i, i), continued.at(2 * i, 900 + i);
  CHECK(fresh.until(100) == doctest::Approx(180));
  CHECK(continued.until(1000) == doctest::Approx(180));
  TimeLeft slow_start(0);
  slow_start.at(100, 1);
  for (int i = 1; i <= 100; ++i) slow_start.at(100 + i, 1 + i);
  CHECK(slow_start.until(201) == doctest::Approx(100));
}
