// camo eval: all measures of a trained network on a data set, or of maps made by any program.
#include <algorithm>
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/commands/trained_network.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/draw/plot.h"
#include "examples/camo/metrics/image_table.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/evaluate.h"
#include "examples/camo/run/report.h"
#include "examples/camo/run/trainer.h"
#include "tensor/image/image.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

// The files of a report.
constexpr const char *kScores = "scores.json", *kImages = "images.csv", *kCurves = "curves.png", *kWorst = "worst.png";

struct EvalOptions {
  std::string weights, data, split, maps, masks, out, csv, report;
  Machine machine;
  int64_t batch = 4, count = 64;
};

/// The measures of a set of images.
struct Evaluation {
  std::string what;  // the maps or the network that were scored
  std::vector<std::string> names;
  std::vector<ImageMeasures> images;
  std::vector<std::vector<Tensor>> worst_rows;  // pictures for a grid, if a report is asked for
};

Evaluation measure_maps(const EvalOptions& o) {
  set_threads(int(o.machine.threads));
  const std::vector<Pair> pairs = pair_folders(o.maps, o.masks);
  Evaluation out{o.maps, {}, {}, {}};
  for (const Pair& p : pairs) out.names.push_back(p.name);
  out.images = measure_all(int64_t(pairs.size()), [&](int64_t i) {
    return MapAndMask{read_mask(pairs[i].image), read_mask(pairs[i].mask)};
  });
  if (!o.report.empty())
    for (int64_t i : worst(out.images))
      out.worst_rows.push_back(
          captioned(out.names[i], out.images[i], {read_mask(pairs[i].mask), read_mask(pairs[i].image)}));
  return out;
}

Evaluation measure_network(const EvalOptions& o) {
  Dataset set;
  if (o.data != "synthetic")
    set.pairs = find_pairs(o.data, o.split.empty() ? std::vector<std::string>{"Test", ""} : std::vector{o.split});
  TrainedNetwork loaded = open_network(o.weights, o.machine);
  const TrainConfig& c = loaded.config;
  if (o.data == "synthetic") set = synthetic_test(c, o.count);
  std::printf("%s\n", loaded.described.c_str());

  Evaluation out{loaded.described, {}, {}, {}};
  std::vector<MapAndMask> waiting;  // collected to be measured in parallel
  auto measure_waiting = [&] {
    for (ImageMeasures& m : measure_all(int64_t(waiting.size()), [&](int64_t i) { return waiting[i]; }))
      out.images.push_back(std::move(m));
    waiting.clear();
  };
  evaluate(*loaded.model, set, {c.size, precision(c), o.machine.workers, o.batch}, [&](const ImageResult& j) {
    out.names.push_back(set.name(j.index));
    waiting.push_back({j.map, j.truth});
    if (waiting.size() == 16) measure_waiting();
    return true;
  });
  measure_waiting();
  if (!o.report.empty())
    for (int64_t i : worst(out.images)) {
      const Picture picture = set.load(i);
      const ImageSize size{picture.mask.dim(0), picture.mask.dim(1)};
      const Tensor map = predict_maps(*loaded.model, {normalised(picture.image, c.size)}, {size}, precision(c))[0];
      out.worst_rows.push_back(captioned(out.names[i], out.images[i], {picture.image, picture.mask, map}));
    }
  return out;
}

void write_results(const EvalOptions& o, const Evaluation& e, const JsonObject& figures) {
  if (!o.out.empty()) write_file(o.out, to_json(figures, false));
  if (!o.csv.empty()) write_file(o.csv, to_csv(image_table(e.names, e.images)));
  if (o.report.empty()) return;
  make_folder(o.report, "camo eval --report");
  auto file = [&](const char* name) { return o.report + "/" + name; };
  write_file(file(kScores), to_json(figures, false));
  write_file(file(kImages), to_csv(image_table(e.names, e.images)));
  write_curves(file(kCurves), e.images);
  std::vector<std::string> captions{"the worst", "truth", "prediction"};
  if (o.maps.empty()) captions.insert(captions.begin() + 1, "photograph");
  write_grid(file(kWorst), e.worst_rows, captions);
}

/// "S, E_mean, ...", as in the table of scores.
std::string measure_names() {
  std::string out;
  for (const MeasureInfo& m : kMeasures) out += text(out.empty() ? "" : ", ", m.name);
  return out;
}

}  // namespace

int eval_command(const Arguments& words) {
  EvalOptions o;
  Command command{
      .name = "eval",
      .summary = text(
          "Scores a trained network, or 8-bit maps of any program, against masks, at the masks' own size.  Measures: ",
          measure_names(), "; F has beta^2 = 0.3, and IoU, Dice and what follows them cut the map at 0.5.  ",
          "Each mean over the images comes with its 95 % bootstrap interval."),
      .usage = "camo eval --weights F --data DIR [flags]   or   camo eval --pred DIR --gt DIR [flags]",
      .options = {
          trained_weights(&o.weights),
          {"data", &o.data, "folder of photographs and masks, a list file, or 'synthetic'"},
          choice("split", &o.split, "part of the data folder; without it Test, or the whole folder if it has no parts",
                 {"Test", "Val", "Train"}),
          {"pred", &o.maps, "folder of 8-bit maps to score; each is paired with the mask of its name"},
          {"gt", &o.masks, "folder of masks"},
          {"out", &o.out, "write the means and intervals to this .json file"},
          {"csv", &o.csv, "write the measures of each image to this .csv file, for camo compare"},
          {"report", &o.report,
           text("folder to write all of it to: ", kScores, ", ", kImages, ", ", kCurves, ", ", kWorst,
                " (the ten images with the lowest IoU)")},
          {"count", &o.count, "number of synthetic pictures", 1, 1e6},
          {"batch-size", &o.batch, "photographs in a forward pass; never changes a result", 1, 4096}}};
  command.options.add(options(o.machine).only({"device", "threads", "workers"}));
  read(command, words);
  const bool by_maps = !o.maps.empty() || !o.masks.empty();
  check<ConfigError>(by_maps ? !o.maps.empty() && !o.masks.empty() && o.weights.empty() && o.data.empty()
                             : !o.weights.empty() && !o.data.empty(),
                     "camo eval: needs --weights and --data, or --pred and --gt");
  for (auto [flag, file, end] : {std::tuple("out", o.out, ".json"), std::tuple("csv", o.csv, ".csv")})
    check<ConfigError>(file.empty() || file.ends_with(end), "camo eval --", flag, ": must end in ", end, ", got '",
                       file, "'");

  const Evaluation e = by_maps ? measure_maps(o) : measure_network(o);
  const SetScores scores = score_set(e.images);
  print(scores);
  write_results(o, e, to_json_object(scores, e.what, by_maps ? o.masks : o.data));
  return 0;
}

}  // namespace camo::program
