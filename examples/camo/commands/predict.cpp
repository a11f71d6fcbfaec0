// camo predict: maps, masks and contours of the objects in photographs.
#include <cstdio>
#include <map>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/background.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/run/together.h"
#include "examples/camo/trained/findings.h"
#include "examples/camo/trained/results.h"
#include "examples/camo/trained/trained_network.h"
#include "tensor/image/image.h"
#include "tensor/pack.h"

namespace camo::program {
namespace {

/// What became of some photographs.
struct Predicted {
  size_t done = 0;
  std::map<int64_t, std::string> failed = {};  // why one cannot be read, by its place among the files
};

/// A photograph that has been read, or why it cannot be.
struct ReadPhotograph {
  int64_t number;  // among the files
  Photograph photograph;
  std::string problem;
};

/// Predicts the files with these numbers.  `workers` threads read ahead, and as many write behind.
Predicted predict_files(Predictor& predictor, const std::vector<std::string>& files, std::vector<int64_t> numbers,
                        Orientation orientation, const PredictionFlags& flags, int64_t workers, Results& results) {
  Loader<ReadPhotograph> loader(
      [&](int64_t i) {
        ReadPhotograph out{i, {}, {}};
        try {
          const Tensor image = read_image(files[size_t(i)], orientation);
          out.photograph = predictor.prepared(files[size_t(i)], image, {image.dim(0), image.dim(1)});
        } catch (const DataError& e) {
          out.problem = e.what();
        }
        return out;
      },
      std::move(numbers), workers, flags.batch);
  Background writing(workers, 2 * flags.batch);
  Predicted report;
  for (bool more = true; more; at_work()) {
    std::vector<Photograph> photographs;
    std::vector<int64_t> places;
    while (more && int64_t(photographs.size()) < flags.batch) {
      std::optional<ReadPhotograph> next = loader.next();
      more = next.has_value();
      if (more && !next->problem.empty()) report.failed[next->number] = next->problem;
      else if (more) photographs.push_back(std::move(next->photograph)), places.push_back(next->number);
    }
    if (photographs.empty()) continue;
    const std::vector<Tensor> maps = predictor.maps(photographs);
    for (size_t i = 0; i < maps.size(); ++i)
      writing.add([&results, number = places[i], photograph = std::move(photographs[i]), map = maps[i]] {
        results.add(number, photograph.name, photograph.image, map);
      });
    report.done += maps.size();
  }
  writing.finish();
  return report;
}

/// "0.5", or "calibrated" for what camo calibrate has found with the same flags.
double threshold_of(const std::string& words, const PredictionFlags& flags) {
  double out = 0.5;
  if (words != "calibrated") {
    set({"threshold", &out, "", 0, 0.9999}, words, "camo predict --threshold");
    return out;
  }
  return read_finding(finding_file(flags.weights, Finding::calibration), flags.calibration_key(),
                      "camo calibrate with the same flags")
      .number("threshold");
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
  PredictionFlags flags;
  std::string out, format = name_of(ResultFormat::png), threshold = "0.5";
  Machine machine;
  bool overwrite = false, time = false;
  Reading reading;
  Command command{.name = "predict",
                  .summary = "Finds the camouflaged object in photographs, at their own size.",
                  .usage = "camo predict --weights F IMAGES... --out DIR [flags]",
                  .options = {{"out", &out, "folder for the results"},
                              {"format", &format, "some of png, mask, json, coco, with commas"},
                              {"threshold", &threshold, "object where the probability is larger; or 'calibrated'"},
                              {"time", &time, "also print the time for a photograph"},
                              {"overwrite", &overwrite, "replace results that exist already"}},
                  .rest = "IMAGES",
                  .notes =
                      "IMAGES: photographs, or folders of them.\n"
                      "png: OUT/map/NAME.png (8 bit, 255: object) and the photograph with the object in red, "
                      "OUT/overlay/NAME.png.\n"
                      "mask: OUT/mask/NAME.png, 255 where the probability is above the threshold, else 0.\n"
                      "json: OUT/objects.jsonl, a GeoJSON feature for each photograph: area, box, contours.\n"
                      "coco: OUT/coco.json, areas, boxes and masks as run lengths."};
  command.options.add(options(flags));
  command.options.add(options(reading).only({"exif", "max-pixels"}));
  command.options.add(options(machine).only({"device", "threads", "workers", "deadline"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(!flags.weights.empty() && !out.empty(), "camo predict: needs --weights and --out");
  check<ConfigError>(!line.rest.empty(), "camo predict: needs photographs or folders of them");

  all.deadline = machine.deadline;
  machine.device = own_device(all, machine.device);
  set_max_pixels(reading.max_pixels);
  auto [files, failed] = photographs(line.rest, "camo predict");
  check<ConfigError>(!line.has("threshold") || format != name_of(ResultFormat::png),
                     "camo predict --threshold: png shows probabilities [--format mask, json or coco]");
  Results results(out, parse_formats(format, "camo predict --format"), threshold_of(threshold, flags));
  results.check_free(files, overwrite);
  Ensemble loaded = open_networks(flags, machine);
  if (!line.has("exif")) reading.exif = loaded.config().reading.exif;
  std::printf("%s\n", loaded.described.c_str());
  barrier(all);  // every process has seen the folder as it was
  results.make_folders();
  const Predicted report =
      all_reports(all, predict_files(loaded.predictor, files, share_of(int64_t(files.size()), all.rank(), all.count()),
                                     reading.orientation(), flags, machine.workers, results));
  for (const auto& [i, why] : report.failed) failed.push_back(why);
  results.write_lists(all);
  std::printf("%zu photograph%s: %s\n", report.done, report.done == 1 ? "" : "s", results.where().c_str());
  if (time) std::printf("%s\n", time_words(loaded.predictor).c_str());
  if (all.first()) report_refused("camo predict", failed);
  return failed.empty() ? 0 : 3;
}

}  // namespace camo::program
