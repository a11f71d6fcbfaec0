// camo predict: a map and an overlay for each photograph, at the photograph's own size.
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/commands/trained_network.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/evaluate.h"
#include "tensor/image/image.h"

namespace camo::program {
namespace {

namespace fs = std::filesystem;

constexpr const char *kMap = "map", *kOverlay = "overlay";  // folders of the results

/// The photograph, tinted red where the map is bright.
Tensor overlay(const Tensor& photograph, const Tensor& map) {
  Tensor out = photograph.clone();
  uint8_t* p = out.write<uint8_t>();
  const uint8_t* m = map.read<uint8_t>();
  const int red[] = {255, 32, 32};
  for (int64_t i = 0; i < map.numel(); ++i)
    for (int c = 0; c < 3; ++c)
      p[3 * i + c] = uint8_t(p[3 * i + c] + (red[c] - p[3 * i + c]) * m[i] / 510);  // at most half red
  return out;
}

}  // namespace

int predict_command(const Arguments& words) {
  std::string weights, out;
  Machine machine;
  int64_t batch = 4;
  bool overwrite = false;
  Reading reading;
  size_t done = 0;
  Command command{.name = "predict",
                  .summary =
                      "Finds the camouflaged object in photographs.  Writes the map OUT/map/NAME.png (8 bit, 255: "
                      "object) and the photograph with the object in red, OUT/overlay/NAME.png, both at the "
                      "photograph's own size.",
                  .usage = "camo predict --weights F IMAGES... --out DIR [flags]",
                  .options = {trained_weights(&weights),
                              {"out", &out, "folder for the results"},
                              {"overwrite", &overwrite, "replace results that exist already"},
                              {"batch-size", &batch, "photographs in a forward pass; never changes a result", 1, 4096}},
                  .rest = "IMAGES",
                  .notes = "IMAGES: photographs, or folders of them."};
  command.options.add(options(reading).only({"exif", "max-pixels"}));
  command.options.add(options(machine).only({"device", "threads"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!weights.empty() && !out.empty(), "camo predict: needs --weights and --out");
  check<ConfigError>(!line.rest.empty(), "camo predict: needs photographs or folders of them");

  set_max_pixels(reading.max_pixels);
  auto [files, failed] = photographs(line.rest, "camo predict");
  auto result = [out](const std::string& kind, const std::string& file) {
    return (fs::path(out) / kind / (fs::path(file).stem().string() + ".png")).string();
  };
  for (const std::string& file : files)
    for (const char* kind : {kMap, kOverlay}) {
      std::string target = result(kind, file);
      for (const std::string& input : files)
        check<ConfigError>(!fs::exists(target) || !fs::equivalent(target, input), "camo predict --out: ", target,
                           " is one of the photographs");
      check<ConfigError>(overwrite || !fs::exists(target), "camo predict --out: ", target, " exists [--overwrite]");
    }
  TrainedNetwork loaded = open_network(weights, machine);
  if (!line.has("exif")) reading.exif = loaded.config.reading.exif;
  std::printf("%s\n", loaded.described.c_str());
  for (const char* kind : {kMap, kOverlay}) make_folder(fs::path(out) / kind, "camo predict --out");
  for (size_t begin = 0; begin < files.size(); begin += size_t(batch)) {
    std::vector<Tensor> pictures, inputs;
    std::vector<ImageSize> sizes;
    std::vector<std::string> names;
    for (size_t i = begin; i < std::min(files.size(), begin + size_t(batch)); ++i) {
      try {
        pictures.push_back(read_image(files[i], reading.orientation()));
      } catch (const DataError& e) {
        failed.push_back(e.what());
        continue;
      }
      inputs.push_back(normalised(pictures.back(), loaded.config.size, normalisation(loaded.config)));
      sizes.push_back({pictures.back().dim(0), pictures.back().dim(1)});
      names.push_back(files[i]);
    }
    if (names.empty()) continue;
    std::vector<Tensor> maps = predict_maps(*loaded.model, inputs, sizes, names, precision(loaded.config));
    for (size_t i = 0; i < maps.size(); ++i) {
      write_png(result(kMap, names[i]), maps[i]);
      write_png(result(kOverlay, names[i]), overlay(pictures[i], maps[i]));
    }
    done += names.size();
  }
  std::printf("%zu photograph%s: maps in %s, overlays in %s\n", done, done == 1 ? "" : "s",
              (fs::path(out) / kMap).c_str(), (fs::path(out) / kOverlay).c_str());
  report_refused("camo predict", failed);
  return failed.empty() ? 0 : 3;
}

}  // namespace camo::program
