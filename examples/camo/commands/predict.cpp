// camo predict: a map and an overlay for each photograph, at the photograph's own size.
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/run/checkpoint.h"
#include "examples/camo/run/evaluate.h"
#include "tensor/image/image.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

/// The photograph, red where the map is bright.
Tensor overlay(const Tensor& photograph, const Tensor& map) {
  Tensor out = photograph.clone();
  uint8_t* p = out.write<uint8_t>();
  const uint8_t* m = map.read<uint8_t>();
  const int red[] = {255, 32, 32};
  for (int64_t i = 0; i < map.numel(); ++i)
    for (int c = 0; c < 3; ++c)
      p[3 * i + c] = uint8_t(p[3 * i + c] + (red[c] - p[3 * i + c]) * m[i] / 510);  // half as strong as the map
  return out;
}

}  // namespace

int predict_command(const Arguments& words) {
  std::string weights, out, device = "cpu";
  int64_t threads = 0, batch = 4;
  bool overwrite = false;
  Command command{.name = "predict",
                  .summary =
                      "Finds the object in photographs: OUT/map/NAME.png (8 bit, 255: object) and "
                      "OUT/overlay/NAME.png, both at the "
                      "photograph's own size.",
                  .usage = "camo predict --weights F IMAGES... --out DIR [flags]",
                  .options = {{"weights", &weights, "checkpoint; its averaged (EMA) weights where it has them"},
                              {"out", &out, "folder for the results"},
                              {"overwrite", &overwrite, "replace results that are there already"},
                              {"batch-size", &batch, "photographs in a forward pass; never changes a result", 1, 4096},
                              choice("device", &device, "where to compute", {"cpu", "cuda"}),
                              {"threads", &threads, "threads that compute; 0: one per core", 0, 1024}},
                  .rest = "IMAGES"};
  Given given = read(command, words);
  check<ConfigError>(!weights.empty() && !out.empty(), "camo predict: needs --weights and --out");
  check<ConfigError>(!given.rest.empty(), "camo predict: needs photographs or folders of them");

  std::vector<std::string> files = photographs(given.rest, "camo predict");
  auto result = [&](const std::string& kind, const std::string& file) {
    return (fs::path(out) / kind / (fs::path(file).stem().string() + ".png")).string();
  };
  for (const std::string& file : files)
    for (const char* kind : {"map", "overlay"}) {
      std::string target = result(kind, file);
      for (const std::string& input : files)
        check<ConfigError>(!fs::exists(target) || !fs::equivalent(target, input), "camo predict --out: ", target,
                           " is one of the photographs");
      check<ConfigError>(overwrite || !fs::exists(target), "camo predict --out: ", target, " exists [--overwrite]");
    }
  Loaded loaded = load_model(weights, device);
  loaded.config.threads = threads, apply_machine(loaded.config);
  std::printf("%s\n", loaded.described.c_str());
  std::error_code error;
  for (const char* kind : {"map", "overlay"}) {
    fs::create_directories(fs::path(out) / kind, error);
    check<ConfigError>(!error, "camo predict --out ", out, ": cannot be made: ", error.message());
  }
  for (size_t begin = 0; begin < files.size(); begin += size_t(batch)) {
    std::vector<Tensor> pictures, inputs;
    std::vector<ImageSize> sizes;
    for (size_t i = begin; i < std::min(files.size(), begin + size_t(batch)); ++i) {
      pictures.push_back(read_image(files[i]));
      inputs.push_back(normalised(pictures.back(), loaded.config.size));
      sizes.push_back({pictures.back().dim(0), pictures.back().dim(1)});
    }
    std::vector<Tensor> maps = predict_maps(*loaded.model, inputs, sizes, precision(loaded.config));
    for (size_t i = 0; i < maps.size(); ++i) {
      write_png(result("map", files[begin + i]), maps[i]);
      write_png(result("overlay", files[begin + i]), overlay(pictures[i], maps[i]));
    }
  }
  std::printf("%zu photographs: maps in %s, overlays in %s\n", files.size(), (fs::path(out) / "map").c_str(),
              (fs::path(out) / "overlay").c_str());
  return 0;
}

}  // namespace camo::program
