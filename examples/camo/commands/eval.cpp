// camo eval: all measures of a trained network on a data set, or of maps made by any program.
#include <algorithm>
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/data/check.h"
#include "examples/camo/data/photograph_list.h"
#include "examples/camo/draw/plot.h"
#include "examples/camo/metrics/image_table.h"
#include "examples/camo/options/files.h"
#include "examples/camo/record/report.h"
#include "examples/camo/run/together.h"
#include "examples/camo/run/trainer.h"
#include "examples/camo/trained/evaluate.h"
#include "examples/camo/trained/named_data.h"
#include "examples/camo/trained/trained_network.h"
#include "tensor/image/image.h"
#include "tensor/pack.h"
#include "tensor/parallel.h"

namespace camo::program {
namespace {

// The files of a report.
constexpr const char *kScores = "scores.json", *kImages = "images.csv", *kCurves = "curves.svg", *kWorst = "worst.svg";

struct EvalOptions {
  PredictionFlags prediction;
  DataFlags from;
  std::string maps, masks, out, csv, report;
  bool resize_maps = false, time = false;
  CommandLine line;
  Machine machine;
  int64_t count = 64;
  Processes* all = nullptr;
};

/// The measures of a set of images.
struct Evaluation {
  std::string what;  // the maps or the network that were scored
  std::vector<std::string> names;
  std::vector<ImageMeasures> images;
  std::vector<GridRow> worst_rows;        // pictures for a grid, if a report is asked for
  std::vector<std::string> refused = {};  // files that could not be read
};

/// Takes pairs that cannot be decoded out of the list.  DataError for maps whose size is not that of their mask, and
/// for masks that hold nothing.
void check_pairs(std::vector<Pair>& pairs, const EvalOptions& o, std::vector<std::string>& refused) {
  Found good{o.maps + " with " + o.masks, {}, {}, {}};
  std::vector<std::string> maps, masks;
  for (const Pair& p : pairs) maps.push_back(p.image), masks.push_back(p.mask);
  const std::vector<PairVerdict> of_map = look_at_masks(maps, Reading{}),
                                 of_mask = look_at_masks(masks, o.from.reading);
  for (size_t i = 0; i < pairs.size(); ++i) {
    const std::string& problem = of_map[i].problem.empty() ? of_mask[i].problem : of_map[i].problem;
    if (!problem.empty()) {
      refused.push_back(problem);
      continue;
    }
    good.pairs.push_back(pairs[i]);
    const ImageInfo map = probe_image(maps[i]), mask = probe_image(masks[i]);
    const ImageSize a{map.stored_height, map.stored_width}, b{mask.stored_height, mask.stored_width};
    if (!o.resize_maps && a != b)
      good.complaints.push_back(
          text(maps[i], ": ", pixels(a), ", but its mask ", masks[i], " is ", pixels(b), " [--resize-maps]"));
  }
  pairs = good.checked();
  const std::string problem = mask_problem(of_mask, o.from.reading);
  check<DataError>(problem.empty(), o.masks, ": ", problem);
}

MapAndMask map_and_mask(const Pair& p, const EvalOptions& o) {
  MapAndMask out{camo::read_mask(p.image), read_mask(p.mask, o.from.reading)};
  if (o.resize_maps) out.map = resize_image(out.map, out.mask.dim(0), out.mask.dim(1));
  return out;
}

constexpr int64_t kTogether = 64;  // images that are measured between two words to the other processes

/// measure_all, each process some of the images.
std::vector<ImageMeasures> measure_together(Processes& all, int64_t n, const std::function<MapAndMask(int64_t)>& load) {
  const int64_t count = all.count(), mine = (n - all.rank() + count - 1) / count;
  std::vector<ImageMeasures> part;
  for (int64_t first = 0; first < mine; first += kTogether, at_work())
    for (ImageMeasures& m :
         measure_all(std::min(kTogether, mine - first), [&](int64_t k) { return load(turn(all, first + k)); }))
      part.push_back(std::move(m));
  std::vector<ImageMeasures> out(static_cast<size_t>(n));
  const std::vector<std::string> each = deal(all, n, [&](int64_t i) {
    std::string bytes;
    pack_struct(bytes, part[size_t(i / count)]);
    return bytes;
  });
  for (size_t i = 0; i < each.size(); ++i) {
    std::string_view bytes = each[i];
    out[i] = unpack_struct<ImageMeasures>(bytes);
  }
  return out;
}

Evaluation measure_maps(const EvalOptions& o) {
  set_threads(int(o.machine.threads));
  Reading any_size = o.from.reading;
  any_size.mask_resize = MaskResize::nearest;  // their sizes are compared below
  Evaluation out{o.maps, {}, {}, {}};
  std::vector<Pair> pairs = search_folders(o.maps, o.masks, any_size).checked(&out.refused);
  check_pairs(pairs, o, out.refused);
  for (const Pair& p : pairs) out.names.push_back(p.name);
  out.images = measure_together(*o.all, int64_t(pairs.size()), [&](int64_t i) { return map_and_mask(pairs[i], o); });
  if (!o.report.empty() && o.all->first())
    for (int64_t i : worst(out.images))
      out.worst_rows.push_back(
          captioned(out.names[i], out.images[i], {map_and_mask(pairs[i], o).mask, camo::read_mask(pairs[i].image)}));
  return out;
}

Evaluation measure_network(const EvalOptions& o) {
  Ensemble loaded = open_networks(o.prediction, o.machine);
  const TrainConfig& c = loaded.config();
  Evaluation out{loaded.described, {}, {}, {}};
  Dataset set = o.from.data == "synthetic" ? synthetic_test(c, o.count) : Dataset{};
  if (o.from.data != "synthetic") set = named_data(o.from, c, o.line, "eval", out.refused);
  std::printf("%s\n", loaded.described.c_str());

  const auto refuse = [&](const std::string& reason) { out.refused.push_back(reason); };
  const Scores scores = evaluate(loaded.predictor, set,
                                 {.workers = o.machine.workers,
                                  .batch = o.prediction.batch,
                                  .refuse = refuse,
                                  .all_measures = true,
                                  .among = o.all});
  for (const ImageOutcome& image : scores.each)
    out.names.push_back(set.name(image.index)), out.images.push_back(*image.measures);
  if (o.time) std::printf("%s\n", time_words(loaded.predictor).c_str());
  if (!o.all->first()) return out;
  if (!o.report.empty())
    for (int64_t i : worst(out.images)) {
      const Picture picture = set.load(scores.each[size_t(i)].index);
      const ImageSize size{picture.mask.dim(0), picture.mask.dim(1)};
      const Tensor map = loaded.predictor.map(out.names[i], picture.image, size);
      out.worst_rows.push_back(captioned(out.names[i], out.images[i], {picture.image, picture.mask, map}));
    }
  return out;
}

void write_results(const EvalOptions& o, const Evaluation& e, const JsonObject& figures) {
  if (!o.out.empty()) write_file(o.out, to_json(figures, false));
  if (!o.csv.empty()) write_file(o.csv, to_csv(image_table(e.names, e.images)));
  if (o.report.empty()) return;
  auto file = [&](const char* name) { return o.report + "/" + name; };
  write_file(file(kScores), to_json(figures, false));
  write_file(file(kImages), to_csv(image_table(e.names, e.images)));
  write_curves(file(kCurves), e.images);
  std::vector<std::string> captions{"truth", "prediction"};
  if (o.maps.empty()) captions.insert(captions.begin(), "photograph");
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
  o.all = &join_processes();
  Command command{
      .name = "eval",
      .summary = text(
          "Scores a trained network, or 8-bit maps of any program, against masks, at the masks' own size.  Measures: ",
          measure_names(), "; F has beta^2 = 0.3, and IoU, Dice and what follows them cut the map at 0.5.  ",
          "Each mean over the images comes with its 95 % bootstrap interval."),
      .usage = "camo eval --weights F --data DIR [flags]   or   camo eval --pred DIR --gt DIR [flags]",
      .options = {{"pred", &o.maps, "folder of 8-bit maps to score; each is paired with the mask of its name"},
                  {"gt", &o.masks, "folder of masks"},
                  {"resize-maps", &o.resize_maps, "bring maps of another size to that of their mask, bilinearly"},
                  {"out", &o.out, "write the means and intervals to this .json file"},
                  {"csv", &o.csv, "write the measures of each image to this .csv file, for camo compare"},
                  {"report", &o.report,
                   text("folder to write all of it to: ", kScores, ", ", kImages, ", ", kCurves, ", ", kWorst,
                        " (the ten images with the lowest IoU)")},
                  {"count", &o.count, "number of synthetic pictures", 1, 1e6},
                  {"time", &o.time, "also print the time for a photograph"}}};
  command.options.add(options(o.prediction));
  command.options.add(options(o.from));
  command.options.add(options(o.machine).only({"device", "threads", "workers", "deadline"}));
  o.line = read(command, words);
  const bool by_maps = !o.maps.empty() || !o.masks.empty();
  check<ConfigError>(by_maps
                         ? !o.maps.empty() && !o.masks.empty() && o.prediction.weights.empty() && o.from.data.empty()
                         : !o.prediction.weights.empty() && o.from.data.empty() != o.from.reading.images.empty(),
                     "camo eval: needs --weights and --data (or --images and --masks), or --pred and --gt");
  validate(o.from.reading, "camo eval");
  const std::vector<std::string> of_maps{"pred", "gt", "resize-maps"};
  std::vector<std::string> of_networks = options(o.prediction).names();
  for (const char* flag : {"data", "split", "count", "time", "workers"}) of_networks.push_back(flag);
  for (const std::string& flag : by_maps ? of_networks : of_maps)
    check<ConfigError>(!o.line.has(flag), "camo eval --", flag, ": is for ",
                       by_maps ? "networks (--weights)" : "maps (--pred)");
  check<ConfigError>(!o.line.has("count") || o.from.data == "synthetic", "camo eval --count: is for --data synthetic");
  for (auto [flag, file, end] : {std::tuple("out", o.out, ".json"), std::tuple("csv", o.csv, ".csv")})
    check<ConfigError>(file.empty() || file.ends_with(end), "camo eval --", flag, ": must end in ", end, ", got '",
                       file, "'");
  if (!o.out.empty()) check_writable(o.out, "camo eval --out");
  if (!o.csv.empty()) check_writable(o.csv, "camo eval --csv");
  if (!o.report.empty()) make_folder(o.report, "camo eval --report");

  o.all->deadline = o.machine.deadline;
  o.machine.device = own_device(*o.all, o.machine.device);
  const Evaluation e = by_maps ? measure_maps(o) : measure_network(o);
  if (o.all->first()) report_refused("camo eval", e.refused);
  check<DataError>(!e.images.empty(), "camo eval: none of the images could be read");
  const SetScores scores = score_set(e.images);
  print(scores);
  if (o.all->first()) write_results(o, e, to_json_object(scores, e.what, by_maps ? o.masks : o.from.data));
  return e.refused.empty() ? 0 : 3;
}

}  // namespace camo::program
