// camo predict: a map and an overlay for each photograph, at the photograph's own size.
#include <cstdio>
#include <filesystem>
#include <map>

#include "examples/camo/commands/commands.h"
#include "examples/camo/commands/trained_network.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/evaluate.h"
#include "examples/camo/run/together.h"
#include "tensor/image/image.h"
#include "tensor/pack.h"

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

/// The file of a kind of result for a photograph.
std::string result(const std::string& out, const char* kind, const std::string& photograph) {
  return (fs::path(out) / kind / (fs::path(photograph).stem().string() + ".png")).string();
}

/// ConfigError for results that would replace a photograph, or other results.
void check_results(const std::vector<std::string>& files, const std::string& out, bool overwrite) {
  for (const std::string& file : files)
    for (const char* kind : {kMap, kOverlay}) {
      const std::string target = result(out, kind, file);
      for (const std::string& input : files)
        check<ConfigError>(!fs::exists(target) || !fs::equivalent(target, input), "camo predict --out: ", target,
                           " is one of the photographs");
      check<ConfigError>(overwrite || !fs::exists(target), "camo predict --out: ", target, " exists [--overwrite]");
    }
}

/// What became of some photographs.
struct Predicted {
  size_t done = 0;
  std::map<int64_t, std::string> failed = {};  // why one cannot be read, by its place among the files
};

/// Writes the results of files [begin, end).
void predict_batch(const TrainedNetwork& loaded, const std::vector<std::string>& files, size_t begin, size_t end,
                   Orientation orientation, const std::string& out, Predicted& report) {
  std::vector<Tensor> pictures, inputs;
  std::vector<ImageSize> sizes;
  std::vector<std::string> names;
  for (size_t i = begin; i < end; ++i) {
    try {
      pictures.push_back(read_image(files[i], orientation));
    } catch (const DataError& e) {
      report.failed[int64_t(i)] = e.what();
      continue;
    }
    inputs.push_back(normalised(pictures.back(), loaded.config.size, normalisation(loaded.config)));
    sizes.push_back({pictures.back().dim(0), pictures.back().dim(1)});
    names.push_back(files[i]);
  }
  if (names.empty()) return;
  const std::vector<Tensor> maps = predict_maps(*loaded.model, inputs, sizes, names, precision(loaded.config));
  for (size_t i = 0; i < maps.size(); ++i) {
    write_png(result(out, kMap, names[i]), maps[i]);
    write_png(result(out, kOverlay, names[i]), overlay(pictures[i], maps[i]));
  }
  report.done += names.size();
}

/// The reports of all processes, at each.
Predicted all_reports(Processes& all, const Predicted& mine) {
  std::string bytes;
  pack(bytes, int64_t(mine.done));
  for (const auto& [i, why] : mine.failed) pack(bytes, i), pack(bytes, std::string_view(why));
  Predicted out;
  for (const std::string& words : gather(all, bytes)) {
    std::string_view left = words;
    out.done += size_t(unpack_integer(left));
    while (!left.empty()) {
      const int64_t i = unpack_integer(left);
      out.failed[i] = unpack_text(left);
    }
  }
  return out;
}

}  // namespace

int predict_command(const Arguments& words) {
  Processes& all = join_processes();
  std::string weights, out;
  Machine machine;
  int64_t batch = 4;
  bool overwrite = false;
  Reading reading;
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
  command.options.add(options(machine).only({"device", "threads", "deadline"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!weights.empty() && !out.empty(), "camo predict: needs --weights and --out");
  check<ConfigError>(!line.rest.empty(), "camo predict: needs photographs or folders of them");

  all.deadline = machine.deadline;
  machine.device = own_device(all, machine.device);
  set_max_pixels(reading.max_pixels);
  auto [files, failed] = photographs(line.rest, "camo predict");
  check_results(files, out, overwrite);
  TrainedNetwork loaded = open_network(weights, machine);
  if (!line.has("exif")) reading.exif = loaded.config.reading.exif;
  std::printf("%s\n", loaded.described.c_str());
  barrier(all);  // every process has seen the folder as it was
  for (const char* kind : {kMap, kOverlay}) make_folder(fs::path(out) / kind, "camo predict --out");
  const size_t step = size_t(batch) * size_t(all.count());
  Predicted report;
  for (size_t begin = size_t(batch) * size_t(all.rank()); begin < files.size(); begin += step, at_work())
    predict_batch(loaded, files, begin, std::min(files.size(), begin + size_t(batch)), reading.orientation(), out,
                  report);
  report = all_reports(all, report);
  for (const auto& [i, why] : report.failed) failed.push_back(why);
  std::printf("%zu photograph%s: maps in %s, overlays in %s\n", report.done, report.done == 1 ? "" : "s",
              (fs::path(out) / kMap).c_str(), (fs::path(out) / kOverlay).c_str());
  if (all.first()) report_refused("camo predict", failed);
  return failed.empty() ? 0 : 3;
}

}  // namespace camo::program
