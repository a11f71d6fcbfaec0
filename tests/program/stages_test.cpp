// Training in stages: the table, what is frozen and thawed, rates by depth, and stops in every stage.
#include "examples/camo/options/stages.h"

#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>

#include "examples/camo/options/cli.h"
#include "examples/camo/options/format.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/run/stages.h"
#include "examples/camo/run/trainer.h"
#include "nn/depth.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::Ending;
using camo::test::ending;
using camo::test::TempFolder;
using camo::test::tiny_config;

namespace {

/// The configuration that `camo train FLAGS` makes of the tiny one.
TrainConfig with_flags(const std::string& out, const std::string& flags) {
  TrainConfig c = tiny_config(out);
  std::vector<std::string> words = split(flags, ' ');
  const StageFlags stages = StageFlags::take(words);
  const Command command{.name = "train", .summary = {}, .usage = {}, .options = options(c)};
  read(command, words);
  stages.apply(c);
  return c;
}

/// The launch lines of the documents with their flags as Camo has them, at small numbers.
TrainConfig sparse_launch(const std::string& out) {
  return with_flags(out,
                    "--model camoxpert-sparse --backbone edgenext_xx_small --batch-size 4 --accumulate 2 --epochs 4 "
                    "--lr 8e-4 --min-lr 1e-5 --warmup 0.5 --router lr=0.01,clip=0.1 --clip 0.5 --recompute all "
                    "--ema-decay 0 --stage1-epochs 2 --stage2-batch-size 2 --stage2-lr 6e-4 --stage2-ema-decay 0.9");
}
TrainConfig cod_launch(const std::string& out) {
  return with_flags(out,
                    "--model camoxpert-cod --backbone pvt_v2_b0 --batch-size 3 --accumulate 1 --epochs 5 "
                    "--schedule restarts,cycle=1,growth=2 --drop-path 0.2 --stage1-epochs=1 --stage1-ema-decay 0.5 "
                    "--stage2-batch_size 2 --stage2-lr=1e-3 --stage2-thaw every=2 --stage2-backbone-rate 0.1");
}

/// Parameters, statistics and the optimizer's moments, by name.
std::map<std::string, Tensor> by_name(Learner& learner) {
  Checkpoint c;
  Position position;
  learner.save(c, position, true);
  std::map<std::string, Tensor> out;
  for (const auto& [prefix, part] : {std::pair{"", &c.model}, {"ema.", &c.ema}, {"optimizer.", &c.optimizer}})
    for (const auto& [name, x] : *part) out.emplace(prefix + name, x.clone());
  return out;
}

}  // namespace

TEST_CASE("several processes multiply the forward passes of a step, in every stage that names them") {
  TrainConfig c = with_flags("out", "--accumulate 2 --epochs 3 --stage1-epochs 1 --stage2-accumulate 4");
  multiply_accumulate(c, 3);
  std::vector<int64_t> passes;
  for (const TrainConfig& stage : stages_of(c)) passes.push_back(stage.accumulate);
  CHECK(passes == std::vector<int64_t>{6, 12});
}

TEST_CASE("the documents' launch lines: stopped in each stage and at the border, they end with the same bits") {
  TempFolder folder;
  for (const auto& [name, launch] : {std::pair{"sparse", &sparse_launch}, {"cod", &cod_launch}}) {
    CAPTURE(name);
    const std::string whole = folder / text(name, "_whole");
    int64_t all = 0;
    Hooks count;
    TrainConfig config = launch(whole);
    complete_stages(config);
    const Stages stages(config, config.count);
    const int64_t border = stages.all()[0].end_step();
    REQUIRE(stages.all().size() == 2);
    count.after_step = [&](Learner&, const StepReport&) {
      if (++all == border + 1) std::filesystem::copy(whole, folder / text(name, "_border"));
    };
    REQUIRE(train(config, count).exit_code == 0);
    REQUIRE(all == stages.steps());
    const Ending expected = ending(whole);
    // What a process leaves that is killed after the last epoch of stage 1 was saved.
    CHECK(resume(folder / text(name, "_border")).exit_code == 0);
    CHECK(ending(folder / text(name, "_border")) == expected);
    // In stage 1, before and after its last step, after the first step of stage 2, in its middle, before its last step.
    for (int64_t stop : {int64_t(1), border - 1, border, border + 1, (border + all) / 2, all - 1}) {
      CAPTURE(stop);
      const std::string run = folder / text(name, "_", stop);
      int64_t steps = 0;
      Hooks hooks;
      hooks.after_step = [&](Learner&, const StepReport&) {
        if (++steps == stop) std::raise(SIGTERM);
      };
      CHECK(train(launch(run), hooks).exit_code == 128 + SIGTERM);
      CHECK(resume(run).exit_code == 0);
      CHECK(ending(run) == expected);
    }
  }
}

TEST_CASE("stage 1 leaves no trace on what is frozen: weights, statistics, averages, moments") {
  TempFolder folder;
  TrainConfig config = sparse_launch(folder / "run");
  std::map<std::string, Tensor> start;
  int64_t steps = 0;
  complete_stages(config);
  const int64_t border = Stages(config, config.count).all()[0].end_step();
  Learner fresh(config, /*fresh=*/true);
  start = by_name(fresh);
  Hooks hooks;
  hooks.after_step = [&](Learner& learner, const StepReport&) {
    const std::map<std::string, Tensor> now = by_name(learner);
    ++steps;
    size_t moved_backbone = 0, moved_rest = 0;
    for (const auto& [name, x] : now) {
      const bool backbone = name.starts_with("backbone.") || name.starts_with("ema.backbone.");
      if (name.starts_with("optimizer.") && steps <= border) CHECK(name.find(".backbone.") == std::string::npos);
      if (!start.count(name)) continue;
      (backbone ? moved_backbone : moved_rest) += !equal_bits(x, start.at(name));
    }
    CHECK((moved_backbone > 0) == (steps > border));
    if (steps == border) CHECK(moved_rest > 0);
  };
  REQUIRE(train(config, hooks).exit_code == 0);
}

TEST_CASE("frozen batch norm keeps its statistics while other batch norm learns") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.freeze = "decoder.refine.0,scales.0", config.epochs = 1;
  std::map<std::string, Tensor> start;
  std::set<std::string> moved;
  Hooks hooks;
  hooks.after_step = [&](Learner& learner, const StepReport&) {
    const auto now = by_name(learner);
    for (const auto& [name, x] : now)
      if (start.count(name) && !equal_bits(x, start.at(name))) moved.insert(name);
    start = now;
  };
  REQUIRE(train(config, hooks).exit_code == 0);
  bool others = false;
  for (const std::string& name : moved) {
    CHECK_MESSAGE(!name.starts_with("decoder.refine.0."), name);
    CHECK_MESSAGE(!name.starts_with("scales.0."), name);
    others = others || name == "decoder.refine.1.norm.running_mean";
  }
  CHECK(others);
}

TEST_CASE("the backbone thaws part by part, in the order that is asked for") {
  for (const ThawFrom from : {ThawFrom::deepest, ThawFrom::shallowest}) {
    CAPTURE(name_of(from));
    TempFolder folder;
    TrainConfig config = tiny_config(folder / "run");
    config.epochs = 10, config.hold_out = 0, config.thaw = text("every=2,from=", name_of(from));
    std::map<std::string, Tensor> before;
    std::vector<std::set<std::string>> moved(10);
    int64_t steps = 0;
    Hooks hooks;
    hooks.after_step = [&](Learner& learner, const StepReport&) {
      const auto now = by_name(learner);
      for (const auto& [name, x] : now)
        if (name.starts_with("backbone.") && before.count(name) && !equal_bits(x, before.at(name)))
          moved[size_t(steps / 3)].insert(name.substr(9));
      before = now, ++steps;
    };
    REQUIRE(train(config, hooks).exit_code == 0);
    REQUIRE(steps == 30);
    const auto net = nn::backbone("pvt_v2_b0", {.initialise = false});
    const nn::NameGroups parts = nn::parts(*net);  // the stem and four stages
    for (size_t epoch = 0; epoch < 10; ++epoch)
      for (size_t part = 0; part < parts.size(); ++part) {
        const size_t thawed = 1 + epoch / 2;
        const bool free = from == ThawFrom::deepest ? part >= parts.size() - thawed : part < thawed;
        CAPTURE(epoch);
        CAPTURE(part);
        CHECK((moved[epoch].count(parts[part][0]) > 0) == free);
      }
  }
}

TEST_CASE("with layer decay, each layer's first update is exactly its power of the decay") {
  // AdamW's first update of a number is rate * g / (|g| + eps) without weight decay, so its size is the rate where the
  // gradient is large against eps; the largest update of a layer shows the rate.
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.epochs = 1, config.layer_decay = 0.5, config.backbone_rate = 0.8, config.weight_decay = 0, config.clip = 0;
  config.drop_path = 0, config.warmup = 0, config.schedule = "constant", config.lr = 1e-3;
  Learner learner(config, /*fresh=*/true);
  const auto groups = rate_groups(learner.model(), config);
  std::map<std::string, double> scale;
  for (const nn::ParameterGroup& g : groups) scale[g.path] = g.rate_scale;
  const nn::NameGroups layers = nn::layers(*learner.model().backbone);
  REQUIRE(layers.size() == 9);
  for (size_t i = 0; i < layers.size(); ++i)
    for (const std::string& name : layers[i])
      CHECK(scale.at("backbone." + name) == 0.8 * std::pow(0.5, double(layers.size() - i)));

  const auto start = by_name(learner);
  Hooks hooks;
  bool first = true;
  hooks.after_step = [&](Learner& trained, const StepReport&) {
    if (!std::exchange(first, false)) return;
    const auto now = by_name(trained);
    const auto largest = [&](const std::string& name) {
      double most = 0;
      for (double d : to_vector<double>(now.at(name) - start.at(name))) most = std::max(most, std::abs(d));
      return most;
    };
    CHECK(largest("decoder.lateral.0.weight") == doctest::Approx(1e-3).epsilon(1e-2));
    for (size_t i = 0; i < layers.size(); ++i)
      CHECK(largest("backbone." + layers[i][0]) ==
            doctest::Approx(0.8e-3 * std::pow(0.5, double(layers.size() - i))).epsilon(2e-2));
  };
  REQUIRE(train(config, hooks).exit_code == 0);
}

TEST_CASE("each stage begins its averages anew, from the weights at its start") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.ema_decay = 0.9;
  parse_config(R"({"stages": [{"epochs": 2}, {"epochs": 1}]})", "test", config);
  complete_stages(config);
  std::vector<int64_t> updates;
  Hooks hooks;
  hooks.after_step = [&](Learner& learner, const StepReport&) { updates.push_back(learner.ema()->updates()); };
  REQUIRE(train(config, hooks).exit_code == 0);
  const Stages stages(config, config.count);
  std::vector<int64_t> expected;
  for (const Stage& s : stages.all())
    for (int64_t i = s.first_step; i < s.end_step(); ++i) expected.push_back(1 + i - s.first_step);
  CHECK(updates == expected);
}

TEST_CASE("a backbone that is frozen and thaws does thaw") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  config.freeze = "backbone,sides", config.thaw = "every=1", config.epochs = 1;
  Learner learner(config, /*fresh=*/true);
  const std::vector<std::string> deepest = nn::parts(*learner.model().backbone).back();
  for (const nn::Parameter& p : learner.model().named_parameters()) {
    const bool thawed = p.name.starts_with("backbone.") && std::count(deepest.begin(), deepest.end(), p.name.substr(9));
    const bool frozen = (p.name.starts_with("backbone.") && !thawed) || p.name.starts_with("sides.");
    CHECK_MESSAGE(p.frozen == frozen, p.name);
  }
}

TEST_CASE("the best weights are used at the size that their stage was scored at") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  parse_config(R"({"stages": [{"epochs": 1, "lr": 0, "min-lr": 0}, {"epochs": 1, "size": 64}]})", "test", config);
  config.monitor = "MAE";
  REQUIRE(train(config).exit_code == 0);
  const Checkpoint best = load_checkpoint(config.out + "/best.safetensors");
  const int64_t side = best.state.integer("best_epoch") == 1 ? 32 : 64;
  CHECK(load_model(config.out).config.size == ImageSize{side, side});
  CHECK(load_checkpoint(config.out + "/last.safetensors").config.size == ImageSize{32, 32});
}

TEST_CASE("stages: what a row does not say is inherited; one row may leave out its epochs") {
  TrainConfig c;
  parse_config(R"({"epochs": 120, "lr": 1e-3, "stages": [{"epochs": 30, "freeze": "backbone", "ema": 0.99},
                   {"batch_size": 4, "accumulate": 2, "lr": 2e-4, "min_lr": 1e-6, "size": "64x96",
                    "schedule": "polynomial,power=1", "augment": "off", "loss": "bce=1", "thaw": "every=10"}]})",
               "test", c);
  complete_stages(c);
  const std::vector<TrainConfig> stages = stages_of(c);
  REQUIRE(stages.size() == 2);
  CHECK(stages[0].epochs == 30);
  CHECK(stages[1].epochs == 90);
  CHECK(stages[0].lr == 1e-3);
  CHECK(stages[0].batch_size == c.batch_size);
  CHECK(stages[0].ema_decay == 0.99);
  CHECK(stages[1].ema_decay == c.ema_decay);
  CHECK(stages[1].freeze.empty());
  CHECK(stages[1].size == ImageSize{64, 96});
  CHECK(stages[1].loss == "bce=1");
  // Written and read back, the table is the same.
  TrainConfig again;
  parse_config(to_text(c), "test", again);
  CHECK(to_text(again) == to_text(c));
  CHECK(again.stages.size() == 2);

  const Stages plan(c, 100);
  CHECK(plan.all()[0].steps_per_epoch == 12);  // batches of 8
  CHECK(plan.all()[1].steps_per_epoch == 13);  // 25 batches of 4, two in a step
  CHECK(plan.steps() == 30 * 12 + 90 * 13);
  CHECK(plan.index(29) == 0);
  CHECK(plan.index(30) == 1);
  CHECK(plan.of(30).rate(30 * 12 + 90 * 13 - 1) == doctest::Approx(1e-6).epsilon(0.5));
}

TEST_CASE("a mistake in the table of stages is named with its stage and key") {
  for (const auto& [words, says] : {std::pair{R"({"stages": [{"epochs": 3}, {"leraning_rate": 1}]})",
                                              "stage 2: a stage has no key 'leraning-rate'"},
                                    {R"({"stages": [{"seed": 3}]})", "a stage has no key 'seed'"},
                                    {R"({"stages": [{"lr": "fast"}]})", "stage 1: lr: expects a number"},
                                    {R"({"stages": [{"lr": 1, "lr": 2}]})", "occurs twice"},
                                    {R"({"stages": [{"ema": 0.9, "ema-decay": 0.9}]})", "says ema-decay twice"},
                                    {R"({"stages": 3})", "expects a list of objects"},
                                    {R"({"stages": [3, {"epochs": 1}]})", "lists objects and numbers"},
                                    {R"({"stages": [{"epochs": {}}]})", "is an object, expects a plain value"}}) {
    CAPTURE(words);
    TrainConfig c;
    CHECK_THROWS_WITH_AS(parse_config(words, "test", c), doctest::Contains(says), ConfigError);
  }
  TrainConfig c;
  c.epochs = 10, c.data = "synthetic", c.out = "unused";
  parse_config(R"({"stages": [{"epochs": 10}, {}]})", "test", c);
  CHECK_THROWS_WITH_AS(complete_stages(c), doctest::Contains("leave none of the 10"), ConfigError);
  parse_config(R"({"stages": [{}, {}]})", "test", c);
  CHECK_THROWS_WITH_AS(complete_stages(c), doctest::Contains("two of them say no epochs"), ConfigError);
  for (const auto& [key, value, says] : {std::tuple{"schedule", "cosin", "did you mean cosine"},
                                         {"loss", "deep=1", "the logits need a term"},
                                         {"schedule", "cosine,cycle=3", "schedule: cosine"},
                                         {"thaw", "every=0", "thaw: every"}}) {
    c.stages = {JsonObject{{{key, std::string(value)}}}};
    CHECK_THROWS_WITH_AS(program::validate(c), doctest::Contains(says), ConfigError);
  }
  TempFolder folder;
  TrainConfig wrong = tiny_config(folder / "run");
  wrong.freeze = "backbones";
  CHECK_THROWS_WITH_AS(train(wrong), doctest::Contains("the network has no part 'backbones'"), ConfigError);
  wrong.freeze = "*";
  CHECK_THROWS_WITH_AS(train(wrong), doctest::Contains("nothing is left to train"), ConfigError);
}

TEST_CASE("flags make the table of the common case; --skip-stage1 leaves the first stage out") {
  std::vector<std::string> words = {"--epochs", "120", "--stage1-epochs", "30", "--stage2-lr=1e-4", "--data", "x"};
  const StageFlags flags = StageFlags::take(words);
  CHECK(words == std::vector<std::string>{"--epochs", "120", "--data", "x"});
  TrainConfig c;
  c.epochs = 120;
  flags.apply(c);
  complete_stages(c);
  REQUIRE(c.stages.size() == 2);
  CHECK(stages_of(c)[0].freeze == "backbone");
  CHECK(stages_of(c)[0].epochs == 30);
  CHECK(stages_of(c)[1].epochs == 90);
  CHECK(stages_of(c)[1].lr == 1e-4);
  std::vector<std::string> alone = {"--skip-stage1"};
  TrainConfig single;
  parse_config(R"({"stages": [{"epochs": 3}]})", "test", single);
  CHECK_THROWS_WITH_AS(StageFlags::take(alone).apply(single), doctest::Contains("has no second stage"), ConfigError);
  words.push_back("--skip-stage1"), words.push_back("--stage1-epochs"), words.push_back("30");
  TrainConfig second;
  second.epochs = 120;
  StageFlags::take(words).apply(second);
  REQUIRE(stages_of(second).size() == 1);
  CHECK(stages_of(second)[0].freeze.empty());
  CHECK(second.epochs == 90);
  for (const auto& [given, says] : {std::pair{"--stage1-epoch=3", "did you mean epochs"},
                                    {"--stage2-lr=quick", "expects a number"},
                                    {"--stage1-lr", "needs a value"}}) {
    std::vector<std::string> wrong = {given};
    CHECK_THROWS_WITH_AS(StageFlags::take(wrong), doctest::Contains(says), ConfigError);
  }
  std::vector<std::string> beyond = {"--", "--stage1-epochs"};
  CHECK(StageFlags::take(beyond).stages.empty());
}
