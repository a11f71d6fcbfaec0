// camo eval: every measure of a trained network on a data set, or of maps made by any program.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/augment.h"
#include "examples/camo/draw/plot.h"
#include "examples/camo/metrics/image_table.h"
#include "examples/camo/options/files.h"
#include "examples/camo/run/checkpoint.h"
#include "examples/camo/run/evaluate.h"
#include "examples/camo/run/report.h"
#include "examples/camo/run/trainer.h"
#include "tensor/image/image.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

struct Asked {
  std::string weights, data, split, maps, masks, out, csv, report, device = "cpu";
  int64_t threads = 0, workers = 2, batch = 4, count = 64;
};

/// A set of images, measured.
struct Evaluation {
  std::string what;  // was scored
  std::vector<std::string> names;
  std::vector<ImageMeasures> images;
  std::vector<std::vector<Tensor>> worst_rows;  // for a grid of pictures, when a report was asked for
};

Evaluation measure_maps(const Asked& o) {
  set_threads(int(o.threads));
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

Evaluation measure_network(const Asked& o) {
  Dataset set;
  if (o.data != "synthetic")
    set.pairs = find_pairs(o.data, o.split.empty() ? std::vector<std::string>{"Test", ""} : std::vector{o.split});
  Loaded loaded = load_model(o.weights, o.device);
  loaded.config.threads = o.threads, apply_machine(loaded.config);
  const TrainConfig& c = loaded.config;
  if (o.data == "synthetic") set = synthetic_test(c, o.count);
  std::printf("%s\n", loaded.described.c_str());

  Evaluation out{loaded.described, {}, {}, {}};
  std::vector<MapAndMask> waiting;  // measured together, in parallel
  auto measure_waiting = [&] {
    for (ImageMeasures& m : measure_all(int64_t(waiting.size()), [&](int64_t i) { return waiting[i]; }))
      out.images.push_back(std::move(m));
    waiting.clear();
  };
  evaluate(*loaded.model, set, {c.size, precision(c), o.workers, o.batch}, [&](const ImageResult& j) {
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

void write_results(const Asked& o, const Evaluation& e, const JsonObject& figures) {
  if (!o.out.empty()) write_file(o.out, to_json(figures, false));
  if (!o.csv.empty()) write_file(o.csv, to_csv(image_table(e.names, e.images)));
  if (o.report.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(o.report, error);
  check<ConfigError>(!error, "camo eval --report ", o.report, ": cannot be made: ", error.message());
  write_file(o.report + "/scores.json", to_json(figures, false));
  write_file(o.report + "/images.csv", to_csv(image_table(e.names, e.images)));
  write_curves(o.report + "/curves.png", e.images);
  std::vector<std::string> captions{"the worst", "truth", "prediction"};
  if (o.maps.empty()) captions.insert(captions.begin() + 1, "photograph");
  write_grid(o.report + "/worst.png", e.worst_rows, captions);
}

}  // namespace

int eval_command(const Arguments& words) {
  Asked o;
  Command command{
      .name = "eval",
      .summary =
          "Scores 8-bit maps at the masks' own size: S-measure, E-measure, weighted F, F (beta^2 = 0.3), MAE; IoU, "
          "Dice, precision and recall at threshold 0.5.  Means over images, each with its 95 % bootstrap interval.",
      .usage = "camo eval --weights F --data DIR [flags]   or   camo eval --pred DIR --gt DIR [flags]",
      .options = {
          {"weights", &o.weights, "checkpoint; its averaged (EMA) weights where it has them"},
          {"data", &o.data, "folder of photographs and masks, a list file, or 'synthetic'"},
          choice("split", &o.split, "part of the folder; without it Test, or all of a folder without parts",
                 {"Test", "Val", "Train"}),
          {"pred", &o.maps, "folder of 8-bit maps to score, paired with --gt by name"},
          {"gt", &o.masks, "folder of masks"},
          {"out", &o.out, "write means and intervals to this .json file"},
          {"csv", &o.csv, "write the measures of each image to this .csv file, for camo compare"},
          {"report", &o.report,
           "folder for everything: scores.json, images.csv, curves.png, worst.png (the ten images of lowest IoU)"},
          {"count", &o.count, "synthetic pictures", 1, 1e6},
          {"batch-size", &o.batch, "photographs in a forward pass; never changes a result", 1, 4096},
          choice("device", &o.device, "where to compute", {"cpu", "cuda"}),
          {"threads", &o.threads, "threads that compute; 0: one per core", 0, 1024},
          {"workers", &o.workers, "threads that read ahead", 0, 256}}};
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
