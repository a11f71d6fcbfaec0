// A trained network goes on learning: on other data, at another size, with other experts.
#include "examples/camo/trained/start_weights.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <map>

#include "examples/camo/record/run_record.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/weights_file.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::contains;
using camo::test::run_camo;
using camo::test::TempFolder;
using camo::test::tiny_config;

namespace {

std::string trained(const TempFolder& folder, const std::string& model = "camoxpert-sparse") {
  TrainConfig config = tiny_config(folder / model);
  config.model = model, config.epochs = 1, config.experts = model == "camoxpert-sparse" ? 4 : 0;
  REQUIRE(train(config).exit_code == 0);
  return config.out;
}

/// The tensors of a network by name.
std::map<std::string, Tensor> tensors(moe::CamoXpert& model) {
  std::map<std::string, Tensor> out;
  for (auto& [name, t] : nn::state_dict(model)) out.emplace(name, t.clone());
  return out;
}

}  // namespace

TEST_CASE("a network that goes on scores at its step 0 what it scored before, to the bit") {
  TempFolder folder;
  const std::string first = trained(folder);
  TrainConfig config = tiny_config(folder / "second");
  config.weights = first, config.experts = 4, config.seed = 7;  // other photographs, another order
  Learner learner(config, /*fresh=*/true);
  learner.model().train(false);
  TrainedNetwork old = load_model(first);
  const Dataset data = synthetic_test(old.config, 8);
  Predictor new_one({member_of(learner.model(), config)}), old_one({member_of(*old.model, config)});
  const Scores now = evaluate(new_one, data, {}), then = evaluate(old_one, data, {});
  CHECK(now.iou == then.iou);
  CHECK(now.mae == then.mae);
  const auto a = tensors(learner.model()), b = tensors(*old.model);
  REQUIRE(a.size() == b.size());
  for (const auto& [name, t] : a) CHECK_MESSAGE(equal_bits(t, b.at(name)), name);
}

TEST_CASE("the command takes model, experts and size from the network, and says what it scores before its first step") {
  TempFolder folder;
  const std::string first = trained(folder);
  const std::string common =
      "train --data synthetic --count 8 --epochs 1 --batch-size 4 --threads 1 --weights " + first;
  test::ProcessResult run = run_camo(common + " --out " + folder / "second");
  REQUIRE_MESSAGE(run.code == 0, run.error);
  CHECK(contains(run.out,
                 "part       tensors from " + first + "/best.safetensors: camoxpert-sparse on pvt_v2_b0, averaged"));
  CHECK(contains(run.out, "backbone   176 of 176\n"));
  const size_t scales = run.out.find("\nscales ");
  CHECK(scales != std::string::npos);
  CHECK(run.out.find("\nscales ", scales + 1) == std::string::npos);  // one row, with parameters and statistics
  CHECK(contains(run.out, "before the first step: mae "));
  TrainConfig config;
  read_config(folder / "second/config.json", config);
  CHECK(config.experts == 4);
  CHECK(config.size == ImageSize{32, 32});
  // Another size, asked for.
  REQUIRE(run_camo(common + " --size 64 --out " + folder / "large").code == 0);
  TrainConfig large;
  read_config(folder / "large/config.json", large);
  CHECK(large.size == ImageSize{64, 64});
  CHECK(large.experts == 4);
  // The backbone alone: the model is what the flags say.
  run = run_camo(common + " --part backbone --model camoxpert-cod --size 32 --out " + folder / "cod");
  REQUIRE_MESSAGE(run.code == 0, run.error);
  CHECK(contains(run.out, "176 of 176 tensors"));
  CHECK(!contains(run.out, "before the first step"));
}

TEST_CASE("the weights that a network began with stay the best until an epoch is better") {
  TempFolder folder;
  const std::string first = trained(folder, "camoxpert-single");
  TrainConfig config = tiny_config(folder / "next");
  config.model = "camoxpert-single", config.weights = first, config.epochs = 1;
  config.lr = config.min_lr = 0, config.freeze = "backbone,decoder,heads,sides";  // no epoch is better
  const Outcome outcome = train(config);
  CHECK(outcome.best_epoch == 0);
  const auto best = tensors(*load_model(config.out).model), start = tensors(*load_model(first).model);
  for (const auto& [name, t] : best) CHECK_MESSAGE(equal_bits(t, start.at(name)), name);
}

TEST_CASE("settings of a network that a flag makes wrong go with it") {
  TempFolder folder;
  const std::string first = trained(folder);
  const std::string common =
      "train --data synthetic --count 8 --epochs 1 --threads 1 --hold-out 0 --partial --weights " + first;
  REQUIRE(run_camo(common + " --pool texture,edge --out " + folder / "pool").code == 0);
  TrainConfig config;
  read_config(folder / "pool/config.json", config);
  CHECK(config.pool == "texture,edge");
  CHECK(config.experts == 0);
}

TEST_CASE("strict by default: what the network lacks is an error that names it; partial starts it fresh") {
  TempFolder folder;
  const std::string first = trained(folder);
  for (const auto& [flags, lacks] : {std::pair{"--experts 6", "scales.0.mixture.router.gate.weight"},
                                     {"--model camoxpert-cod --experts 0", "scales.0.series.0."}}) {
    CAPTURE(flags);
    const std::string common = text("train --data synthetic --count 8 --epochs 1 --threads 1 --hold-out 0 --weights ",
                                    first, " ", flags, " --out ", folder / "next");
    test::ProcessResult run = run_camo(common);
    CHECK(run.code == 4);
    CHECK_MESSAGE(contains(run.error, "the file must hold every tensor of"), run.error);
    CHECK_MESSAGE(contains(run.error, lacks), run.error);
    CHECK(contains(run.error, "--partial"));
    CHECK(!std::filesystem::exists(folder / "next"));  // nothing is left behind
    run = run_camo(common + " --partial");
    REQUIRE_MESSAGE(run.code == 0, run.error);
    CHECK(contains(run.out, "backbone   176 of 176\n"));
    CHECK_MESSAGE(contains(run.out, "; fresh: scales.0."), run.out);
    std::filesystem::remove_all(folder / "next");
  }
}

TEST_CASE("partial: what fits is the file's, the rest is what a fresh network has") {
  TempFolder folder;
  const std::string first = trained(folder);
  TrainConfig config = tiny_config(folder / "next");
  config.experts = 6;
  const auto fresh = tensors(*make_model(config));
  config.weights = first, config.partial = true;
  Learner learner(config, /*fresh=*/true);
  const auto now = tensors(learner.model());
  const auto old = tensors(*load_model(first).model);
  int64_t from_file = 0, new_ones = 0;
  for (const auto& [name, t] : now) {
    const auto found = old.find(name);
    const bool fits = found != old.end() && found->second.shape() == t.shape();
    CHECK_MESSAGE(equal_bits(t, fits ? found->second : fresh.at(name)), name);
    ++(fits ? from_file : new_ones);
  }
  CHECK(from_file > new_ones);
  CHECK(new_ones > 0);
}

TEST_CASE("a backbone file starts the backbone alone; --part network refuses it") {
  TempFolder folder;
  const std::string file = folder / "b0.safetensors";
  TrainConfig config = tiny_config(folder / "run");
  write_weights(file, *make_model(config)->backbone, about_backbone("pvt_v2_b0", {}));
  config.weights = file;
  CHECK(!starts_from_network(config));
  config.part = Load::network;
  CHECK_THROWS_AS(train(config), WeightsError);
  CHECK(!std::filesystem::exists(config.out));
}
