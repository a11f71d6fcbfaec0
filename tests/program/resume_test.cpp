// A run that is stopped and continued gives the same bits; so does any number of threads and workers; a step that is
// not finite changes nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <limits>
#include <map>

#include "examples/camo/record/run_record.h"
#include "examples/camo/run/trainer.h"
#include "tensor/random.h"
#include "tests/moe/plant.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::Ending;
using camo::test::ending;
using camo::test::TempFolder;
using camo::test::tiny_config;
using camo::test::weights_hash;

namespace {

std::vector<Tensor> snapshot(Learner& learner) {
  std::vector<Tensor> out;
  Checkpoint c;
  Position position;
  learner.save(c, position, true);
  for (const nn::NamedTensors& part : {c.model, c.ema, c.optimizer})
    for (const auto& [name, x] : part) out.push_back(x.clone());
  return out;
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (!equal_bits(a[i], b[i])) return false;
  return true;
}

/// Checks that the run ends with an error of this exit code and text.
void expect_end(const TrainConfig& config, const Hooks& hooks, int exit_code, const char* says) {
  try {
    train(config, hooks);
    FAIL("the run went on");
  } catch (const Error& e) {
    CHECK(e.exit_code() == exit_code);
    CHECK(std::string(e.what()).find(says) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("a run stopped at any step and continued equals the run that was never stopped") {
  TempFolder folder;
  REQUIRE(train(tiny_config(folder / "whole")).exit_code == 0);
  const Ending whole = ending(folder / "whole");
  CHECK(whole.metrics.size() == 2);

  // Signals arrive during the first step (mid-epoch); in the second step between its two micro-batches; in the last
  // step of the first epoch (before validation); in the second epoch.
  struct Stop {
    int64_t step, pass;
    int signal;
  };
  for (Stop stop : {Stop{1, -1, SIGINT}, Stop{-1, 3, SIGTERM}, Stop{3, -1, SIGTERM}, Stop{-1, 9, SIGINT}}) {
    CAPTURE(stop.step);
    CAPTURE(stop.pass);
    std::string run = folder / text("stopped_", stop.step, "_", stop.pass);
    int64_t steps = 0;
    Hooks hooks;
    hooks.before_pass = [&](int64_t pass, Sample&) {
      if (pass == stop.pass) std::raise(stop.signal);
    };
    hooks.after_step = [&](Learner&, const StepReport&) {
      if (++steps == stop.step) std::raise(stop.signal);
    };
    CHECK(train(tiny_config(run), hooks).exit_code == 128 + stop.signal);
    CHECK(steps < 6);
    CHECK(resume(run).exit_code == 0);
    CHECK(ending(run) == whole);
  }
}

TEST_CASE("with sizes and changes drawn in every step, resumed runs and any number of workers give the same bits") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "whole");
  config.augment = "on,blur=0.5,temperature=0.2,cutout=0.5,scales=1:2";
  config.workers = 0;
  std::vector<int64_t> heights;
  Hooks watch;
  watch.before_pass = [&](int64_t, Sample& batch) { heights.push_back(batch.image.dim(1)); };
  REQUIRE(train(config, watch).exit_code == 0);
  REQUIRE(heights.size() == 12);
  for (size_t pass = 0; pass < heights.size(); pass += 2) CHECK(heights[pass] == heights[pass + 1]);  // one a step
  CHECK(std::count(heights.begin(), heights.end(), 64) % 12 != 0);
  const Ending whole = ending(config.out);
  for (int64_t stop : {1, 2, 4, 5}) {
    config.out = folder / text("stopped_", stop), config.workers = stop % 4;
    int64_t steps = 0;
    Hooks hooks;
    hooks.after_step = [&](Learner&, const StepReport&) {
      if (++steps == stop) std::raise(SIGTERM);
    };
    CHECK(train(config, hooks).exit_code == 128 + SIGTERM);
    CHECK(resume(config.out, [](TrainConfig& c) { c.workers = 3; }).exit_code == 0);
    CHECK(ending(config.out) == whole);
  }
}

TEST_CASE(
    "routers that count steps or average their load go on where they stopped, and the first gates stay the first") {
  TempFolder folder;
  for (const char* router : {"balancing=auxiliary,delay-epochs=0.5,warmup-epochs=1,floor=1e-3,auxiliary=0.1",
                             "average=0.8,limit=0.05,entropy=1e-3"}) {
    CAPTURE(router);
    TrainConfig config = tiny_config(folder / text("whole", hash(router)));
    config.router = router;
    REQUIRE(train(config).exit_code == 0);
    const std::string run = folder / text("stopped", hash(router));
    const std::string whole = config.out;
    config.out = run;
    int64_t steps = 0;
    Hooks hooks;
    hooks.after_step = [&](Learner&, const StepReport&) {
      if (++steps == 4) std::raise(SIGTERM);
    };
    CHECK(train(config, hooks).exit_code == 128 + SIGTERM);
    const Checkpoint stopped = load_checkpoint(run + "/last.safetensors");
    CHECK(resume(run).exit_code == 0);
    CHECK(ending(run) == ending(whole));
    const Checkpoint last = load_checkpoint(run + "/last.safetensors");
    REQUIRE(!last.first_gates.empty());
    REQUIRE(last.first_gates.size() == stopped.first_gates.size());
    bool moved = false;
    std::map<std::string, Tensor> now(last.model.begin(), last.model.end());
    for (size_t i = 0; i < last.first_gates.size(); ++i) {
      const auto& [name, first] = last.first_gates[i];
      CHECK(equal_bits(first, stopped.first_gates[i].second));
      moved = moved || (name.ends_with("gate.weight") && !equal_bits(first, now.at(name)));
    }
    CHECK(moved);
    CHECK(load_model(run).first_gates.size() == last.first_gates.size());  // as camo verify loads it
  }
}

TEST_CASE("a run may continue with more epochs than planned; a finished run does not change") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1;
  REQUIRE(train(config).exit_code == 0);
  uint64_t one = weights_hash(folder / "run/last.safetensors");
  CHECK(resume(folder / "run").exit_code == 0);
  CHECK(weights_hash(folder / "run/last.safetensors") == one);
  CHECK(resume(folder / "run", [](TrainConfig& c) { c.epochs = 2; }).exit_code == 0);
  CHECK(weights_hash(folder / "run/last.safetensors") != one);
  CHECK(read_metrics(folder / "run/metrics.jsonl").size() == 2);
}

TEST_CASE("the weights have one hash for 1, 2, 3 threads and 0, 1, 3 workers; a configuration file reruns a run") {
  TempFolder folder;
  std::vector<uint64_t> hashes;
  for (int64_t threads : {1, 2, 3})
    for (int64_t workers : {0, 1, 3}) {
      TrainConfig config;
      if (!hashes.empty()) read_config(folder / "run_1_0/config.json", config);
      else config = tiny_config("");
      config.out = folder / text("run_", threads, "_", workers), config.epochs = 1;
      config.threads = threads, config.workers = workers;
      train(config);
      hashes.push_back(weights_hash(config.out + "/last.safetensors"));
      if (hashes.size() > 1) std::filesystem::remove_all(config.out);
    }
  for (uint64_t h : hashes) CHECK(h == hashes[0]);
}

TEST_CASE(
    "a NaN in one step leaves weights, average, optimizer and running statistics as they were, and is "
    "named") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1;
  std::vector<Tensor> before;
  std::vector<bool> accepted;
  std::string culprit;
  Hooks hooks;
  hooks.before_pass = [&](int64_t pass, Sample& batch) {
    if (pass == 3) batch.image.write<float>()[5] = std::numeric_limits<float>::quiet_NaN();  // step 2, second half
  };
  hooks.after_step = [&](Learner& learner, const StepReport& report) {
    accepted.push_back(report.accepted);
    std::vector<Tensor> now = snapshot(learner);
    if (!before.empty()) CHECK(same(before, now) == !report.accepted);
    if (!report.accepted) culprit = report.culprit;
    before = std::move(now);
  };
  CHECK(train(config, hooks).exit_code == 0);
  CHECK(accepted == std::vector<bool>{true, false, true});
  CHECK(culprit.find("conv2d") != std::string::npos);
  CHECK(read_metrics(config.out + "/metrics.jsonl").at(0).integer("skipped") == 1);
}

TEST_CASE("NaN in every step ends the run with exit code 5") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1, config.bad_steps = 2;
  Hooks hooks;
  hooks.before_pass = [](int64_t, Sample& batch) { batch.image.write<float>()[0] = INFINITY; };
  expect_end(config, hooks, 5, "2 steps in a row");
}

TEST_CASE("steps with NaN in a row are counted over a stop") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1, config.bad_steps = 2;
  int64_t steps = 0;
  Hooks hooks;
  hooks.before_pass = [](int64_t, Sample& batch) { batch.image.write<float>()[0] = INFINITY; };
  hooks.after_step = [&](Learner&, const StepReport&) {
    if (++steps == 1) std::raise(SIGTERM);
  };
  CHECK(train(config, hooks).exit_code == 128 + SIGTERM);
  CHECK_THROWS_WITH_AS(resume(config.out, nullptr, hooks), doctest::Contains("2 steps in a row"), NumericError);
  CHECK(steps == 2);
}

TEST_CASE("a wrong route in training ends the run with an error that names it") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1, config.verify_every = 2;
  test::Plant halved([](moe::Route& r) { r.weight = r.weight * 0.5; });
  Hooks hooks;
  hooks.after_step = [&](Learner& learner, const StepReport&) {
    if (halved.layers().empty()) halved.listen_to(*moe::mixtures(learner.model())[1]);
  };
  expect_end(config, hooks, 7, "weights: scales.1.mixture, image 0 of the batch");
}
