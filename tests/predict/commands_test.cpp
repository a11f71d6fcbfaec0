// camo predict, eval, calibrate and tune-crf on a small trained network.
#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "examples/camo/options/files.h"
#include "examples/camo/options/json.h"
#include "examples/camo/predict/rle.h"
#include "tensor/image/image.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::contains;
using camo::test::ProcessResult;
using camo::test::run_camo;
using camo::test::run_program;

namespace {

namespace fs = std::filesystem;

/// A run of one epoch, and six photographs, for all tests of this file.
const test::TempFolder& trained() {
  static const test::TempFolder folder;
  static const bool done = [] {
    REQUIRE(run_camo("synth --out " + folder / "data --count 6 --size 48x40").code == 0);
    const std::string run =
        "train --model camoxpert-single --data synthetic --count 40 --size 32 --epochs 1 --threads 2 --out ";
    REQUIRE(run_camo(run + folder / "run").code == 0);
    REQUIRE(run_camo(run + folder / "other --seed 2").code == 0);
    return true;
  }();
  CHECK(done);
  return folder;
}

std::string weights() { return text(" --weights ", trained() / "run"); }
std::string photographs() { return text(" ", trained() / "data/Image"); }

std::vector<std::string> lines_of(const std::string& file) {
  std::vector<std::string> out;
  std::istringstream in(read_file<DataError>(file));
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string map_of(const std::string& out) { return read_file<DataError>(out + "/map/synthetic_000003.png"); }

}  // namespace

TEST_CASE("predict writes the formats that are asked for, and they agree") {
  const std::string out = trained() / "formats";
  const ProcessResult all = run_camo("predict" + weights() + photographs() + " --out " + out +
                                     " --format png,mask,json,coco --threshold 0.4 --time");
  REQUIRE(all.code == 0);
  CHECK(contains(all.out, "6 photographs: maps in "));
  CHECK(contains(all.out, " ms a photograph for the networks, "));
  const std::vector<std::string> features = lines_of(out + "/objects.jsonl");
  REQUIRE(features.size() == 6);
  CHECK(contains(features[3], "synthetic_000003"));
  CHECK(contains(features[3], "\"threshold\":0.4"));
  const Tensor map = read_mask(out + "/map/synthetic_000003.png"), mask = read_mask(out + "/mask/synthetic_000003.png");
  int64_t area = 0;
  for (int64_t i = 0; i < map.numel(); ++i) {
    const bool object = map.read<uint8_t>()[i] / 255.0 > 0.4;
    CHECK(mask.read<uint8_t>()[i] == (object ? 255 : 0));
    area += object;
  }
  CHECK(contains(features[3], text("\"area\":", area, ",")));
  const auto coco = nlohmann::json::parse(read_file<DataError>(out + "/coco.json"));
  CHECK(coco["annotations"][3]["segmentation"]["counts"] == to_counts(run_lengths(mask)));

  const std::string lists = trained() / "lists";
  REQUIRE(run_camo("predict" + weights() + photographs() + " --out " + lists + " --format json --threshold 0.4").code ==
          0);
  CHECK(read_file<DataError>(lists + "/objects.jsonl") == read_file<DataError>(out + "/objects.jsonl"));
  CHECK(!fs::exists(lists + "/map"));
  CHECK(contains(run_camo("predict" + weights() + photographs() + " --out " + lists + " --format json").error,
                 "exists [--overwrite]"));
  CHECK(contains(run_camo("predict" + weights() + photographs() + " --out x --format jsn").error,
                 "no such choice, got 'jsn'"));
  CHECK(contains(run_camo("predict" + weights() + photographs() + " --out x --format png,png").error, "given twice"));
  CHECK(contains(run_camo("predict" + weights() + photographs() + " --out x --format mask --threshold 1").error,
                 "from 0 to 0.9999"));
  CHECK(!fs::exists("x"));
}

TEST_CASE("views, networks and refinement change maps; the plain ones do not") {
  const auto predicted = [&](const std::string& name, const std::string& flags) {
    const ProcessResult done = run_camo("predict" + weights() + photographs() + " --out " + trained() / name + flags);
    REQUIRE_MESSAGE(done.code == 0, done.error);
    return std::pair(map_of(trained() / name), done.out);
  };
  const std::string plain = predicted("plain", "").first;
  CHECK(predicted("same", " --tta off --refine off --mean probabilities --batch-size 1").first == plain);
  CHECK(predicted("twice", weights()).first == plain);
  CHECK(predicted("scale", " --tta scales=1").first == plain);
  const auto [flipped, words] = predicted("flip", " --tta flip");
  CHECK(flipped != plain);
  CHECK(contains(words, "2 views of each photograph (--tta flip)"));
  const auto [both, two] = predicted("both", " --weights " + trained() / "other");
  CHECK(both != plain);
  CHECK(contains(two, "mean of the logits of 2 networks"));
  CHECK(predicted("probabilities", " --mean probabilities --weights " + trained() / "other").first != both);
  const auto [crf, settings] = predicted("crf", " --refine crf,beta=9");
  CHECK(crf != plain);
  CHECK(contains(settings, "refined: crf,side=512,iterations=5,bilateral=4,alpha=20,beta=9,spatial=2,gamma=3"));
  CHECK(predicted("guided", " --refine guided").first != plain);
  CHECK(predicted("nothing", " --refine crf,bilateral=0,spatial=0,side=48").first == plain);

  const std::string to = photographs() + " --out " + trained() / "wrong";
  CHECK(contains(run_camo("predict" + weights() + to + " --tta flop").error, "--tta: expects off"));
  CHECK(contains(run_camo("predict" + weights() + to + " --refine crf,bta=3").error, "did you mean beta"));
  CHECK(contains(run_camo("predict" + weights() + to + " --refine guided,radius=0").error, "radius: must be from 1"));
  CHECK(contains(run_camo("predict" + weights() + to + " --refine off,side=3").error, "off takes no settings"));
  CHECK(contains(run_camo("predict" + weights() + to + " --out " + trained() / "again").error,
                 "--out: is given 2 times"));
}

TEST_CASE("a program that uses the library alone predicts the same map") {
  const std::string network = trained() / "network.safetensors",
                    photograph = trained() / "data/Image/synthetic_000003.png";
  REQUIRE(run_camo("export" + weights() + " --out " + network).code == 0);
  REQUIRE(run_camo("predict" + weights() + photographs() + " --out " + trained() / "own").code == 0);
  const std::string map = trained() / "library.png";
  const ProcessResult own = run_program(CAMO_CONSUMER, network + " " + photograph + " " + map);
  REQUIRE_MESSAGE(own.code == 0, own.error);
  const Tensor a = read_mask(map), b = read_mask(trained() / "own/map/synthetic_000003.png");
  REQUIRE(a.shape() == b.shape());
  for (int64_t i = 0; i < a.numel(); ++i) CHECK(std::abs(a.read<uint8_t>()[i] - b.read<uint8_t>()[i]) <= 1);  // ties
  CHECK(contains(run_program(CAMO_CONSUMER, photograph + " " + photograph + " " + map).error, "safetensors"));
}

TEST_CASE("calibrate and tune-crf leave their findings beside the weights, for these weights alone") {
  const std::string out = " --out " + trained() / "calibrated";
  const std::string command = "predict" + weights() + photographs() + out + " --format mask --threshold calibrated";
  CHECK(contains(run_camo(command).error,
                 "has nothing for these weights with --tta off --mean logits --refine off [camo calibrate"));
  CHECK(contains(run_camo("predict" + weights() + photographs() + out + " --refine tuned").error, "[camo tune-crf"));
  CHECK(contains(run_camo("predict --weights nothing" + photographs() + out + " --refine tuned").error, "nothing"));
  CHECK(contains(run_camo("predict" + weights() + photographs() + out + " --threshold 0.4").error,
                 "png shows probabilities"));

  const ProcessResult found = run_camo("calibrate" + weights() + " --metric Dice");
  REQUIRE_MESSAGE(found.code == 0, found.error);
  CHECK(contains(found.out, "4 photographs"));
  CHECK(contains(found.out, " for Dice: "));
  CHECK(contains(found.out, "note: 4 photographs are few"));
  const JsonObject about = parse_json(lines_of(trained() / "run/best.calibration.jsonl")[0], "calibration");
  CHECK(about.number("threshold") > 0);
  CHECK(about.string("tta") == "off");
  REQUIRE(run_camo(command).code == 0);
  // One finding for each way of making maps, whatever its words.
  CHECK(contains(run_camo(command + " --overwrite --tta flip,rotate").error, "with --tta flip,rotate"));
  REQUIRE(run_camo("calibrate" + weights() + " --tta rotate,flip").code == 0);
  CHECK(run_camo(command + " --overwrite --tta flip,rotate").code == 0);
  CHECK(run_camo(command + " --overwrite").code == 0);

  const ProcessResult tuned = run_camo("tune-crf --side 32 --count 2" + weights());
  REQUIRE_MESSAGE(tuned.code == 0, tuned.error);
  CHECK(contains(tuned.out, "37 settings"));
  const std::string settings =
      parse_json(lines_of(trained() / "run/best.refinement.jsonl")[0], "refinement").string("refine");
  const bool better = contains(tuned.out, "gain       +");
  CHECK(settings.starts_with(better ? "crf,side=32,iterations=" : "off"));
  CHECK(better != contains(tuned.out, "--refine tuned will be off"));
  const ProcessResult used = run_camo("predict" + weights() + photographs() + out + " --refine tuned");
  CHECK(used.code == 0);
  CHECK((settings == "off" || contains(used.out, "refined: " + settings)));

  // Findings are of these weights, not of what the run has later.
  fs::copy(trained() / "run", trained() / "later", fs::copy_options::recursive);
  fs::copy_file(trained() / "other/best.safetensors", trained() / "later/best.safetensors",
                fs::copy_options::overwrite_existing);
  const std::string error =
      run_camo(text("predict --weights ", trained() / "later", photographs(), out, " --overwrite --refine tuned"))
          .error;
  CHECK_MESSAGE(contains(error, "has nothing for these weights"), error);
}

TEST_CASE("calibrate and tune-crf take the data that is named, as eval does") {
  const std::string named = " --data " + trained() / "data";
  const ProcessResult found = run_camo("calibrate" + weights() + named);
  CHECK(contains(found.out, "6 photographs"));
  CHECK(contains(run_camo("tune-crf --side 32" + weights() + named).out, "6 photographs; without CRF IoU "));
  const std::string two = " --images " + trained() / "data/Image --masks " + trained() / "data/GT";
  CHECK(contains(run_camo("calibrate" + weights() + two).out, "6 photographs"));
  CHECK(contains(run_camo("calibrate" + weights() + named + " --mask-above 255").error, "from 0 to 254"));
  CHECK(contains(run_camo("calibrate" + weights() + " --weights " + trained() / "other").error,
                 "held different photographs out"));  // another seed
  CHECK(run_camo("calibrate" + weights() + " --weights " + trained() / "other" + named).code == 0);
  CHECK(contains(run_camo("eval" + weights() + " --resize-maps --data synthetic").error, "--resize-maps: is for maps"));
  CHECK(contains(run_camo("eval --pred a --gt b --tta flip").error, "--tta: is for networks"));
}
