// A run from an older version of the program must load: its configuration, metrics and checkpoint.
// tests/golden/old_run.json holds all of it except the weights, which the counter formula of golden.h gives, and the
// results that the older version computed from it.  tests/peers/old_run.py made that file.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "examples/camo/options/files.h"
#include "examples/camo/record/run_record.h"
#include "examples/camo/run/trainer.h"
#include "tensor/image/image.h"
#include "tests/golden/golden.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::run_camo;
using camo::test::TempFolder;
using nlohmann::json;

namespace {

/// The checkpoint's tensor of that name.  Second moments and variances are positive.
Tensor filled(const std::string& name, const std::string& type, const Shape& shape) {
  REQUIRE((type == "F32" || type == "I64"));
  if (type == "I64") return full(shape, 3, DType::i64);
  if (name.rfind("optimizer.", 0) != 0 && !name.ends_with("running_var"))
    return cast(golden::weight(name, shape), DType::f32);
  std::vector<double> u = golden::counter(name, shape.numel());
  for (double& x : u)
    x = name.rfind("optimizer.first.", 0) == 0    ? 0.01 * x
        : name.rfind("optimizer.second.", 0) == 0 ? 0.0001 * (1.5 + x)
                                                  : 1 + 0.25 * x;
  return cast(from(u, shape), DType::f32);
}

/// Writes the run as the older version did.
void write_old_run(const json& old, const std::string& run) {
  std::filesystem::create_directories(run);
  for (const char* name : {"config.json", "metrics.jsonl"}) write_file(run + "/" + name, old[name].get<std::string>());
  NamedTensors best, last;
  for (const json& row : old["tensors"])
    for (char letter : row[3].get<std::string>()) {
      const std::string name = old["parts"][std::string(1, letter)].get<std::string>() + row[0].get<std::string>();
      last.emplace_back(name,
                        filled(name, row[1], letter == 'n' ? Shape{} : Shape(row[2].get<std::vector<int64_t>>())));
      if (name.rfind("optimizer.", 0) != 0) best.push_back(last.back());
    }
  const Metadata metadata = old["metadata"];
  write_safetensors(run + "/last.safetensors", last, metadata);
  write_safetensors(run + "/best.safetensors", best, metadata);
}

}  // namespace

TEST_CASE("a run of an older version is scored, used and continued with the same results") {
  const json old = json::parse(std::ifstream(CAMO_SOURCE_DIR "/tests/golden/old_run.json"));
  TempFolder folder;
  const std::string run = folder / "run";
  write_old_run(old, run);

  // The position in the file is read and written without a change.
  const std::string state = old["metadata"]["state"];
  CHECK(to_json(to_json_object(position_of(parse_json(state, "state")))) == state);
  TrainConfig config;
  read_config(run + "/config.json", config);
  const json now = json::parse(to_text(config)), before = json::parse(std::string(old["config.json"]));
  for (const auto& [key, value] : before.items())                          // there may be new keys
    CHECK_MESSAGE(now[key] == (key == "freeze" ? json("") : value), key);  // once a switch, now the parts

  test::ProcessResult eval =
      run_camo("eval --weights " + run + " --data synthetic --count 4 --out " + folder / "scores.json");
  REQUIRE_MESSAGE(eval.code == 0, eval.error);
  const JsonObject scores = parse_json(read_file<DataError>(folder / "scores.json"), "scores");
  for (const auto& [name, value] : old["scores"].items())
    CHECK_MESSAGE(scores.number(name) == doctest::Approx(value.get<double>()).epsilon(2e-3), name);

  REQUIRE(run_camo("synth --count 1 --size 48x40 --out " + folder / "data").code == 0);
  test::ProcessResult predict =
      run_camo("predict --weights " + run + " --out " + folder / "found " + folder / "data/Image");
  CHECK_MESSAGE(predict.code == 0, predict.error);
  CHECK(probe_image(folder / "found/map/synthetic_000000.png").width == 40);

  // Continues with the rest of the second epoch and a third one.
  CHECK(resume(run, [](TrainConfig& c) { c.epochs = 3; }).exit_code == 0);
  const std::vector<JsonObject> lines = read_metrics(run + "/metrics.jsonl");
  REQUIRE(lines.size() == old["continued"].size());
  for (size_t i = 0; i < lines.size(); ++i)
    for (const auto& [key, value] : old["continued"][i].items()) {
      CAPTURE(i);
      // The gradients of this network, which has hardly learnt, change by a third with the rounding of another processor.
      const double bound = key == "grad_norm" && i > 0 ? 0.5 : 2e-3;
      CHECK_MESSAGE(lines[i].number(key) == doctest::Approx(value.get<double>()).epsilon(bound), key);
    }
}
