// camo eval: scores of a trained network on a data set, or of maps made by any program.
#include <cstdio>

#include "examples/camo/checkpoint.h"
#include "examples/camo/commands.h"
#include "examples/camo/evaluate.h"
#include "examples/camo/files.h"
#include "examples/camo/metrics.h"
#include "examples/camo/trainer.h"
#include "tensor/image.h"

namespace camo::program {
namespace {

Scores score_maps(const std::string& maps, const std::string& masks) {
  Scores sum;
  for (const Pair& p : pair_folders(maps, masks)) {
    ImageScores s = score(read_mask(p.image), read_mask(p.mask));
    sum.images += 1, sum.mae += s.mae, sum.iou += s.iou, sum.dice += s.dice;
  }
  double n = double(sum.images);
  return {sum.images, sum.mae / n, sum.iou / n, sum.dice / n};
}

}  // namespace

int eval_command(const Arguments& words) {
  std::string weights, data, split, maps, masks, out, device = "cpu";
  int64_t threads = 0, workers = 2, batch = 4, count = 64;
  Command command{
      .name = "eval",
      .summary =
          "Scores per image, averaged: MAE; IoU and Dice at threshold 0.5, on 8-bit maps at the masks' own "
          "size.",
      .usage =
          "camo eval --weights F --data DIR [flags]   or   camo eval --pred DIR --gt DIR [--out FILE.json]",
      .options = {
          {"weights", &weights, "checkpoint; its averaged (EMA) weights where it has them"},
          {"data", &data, "folder of photographs and masks, a list file, or 'synthetic'"},
          choice("split", &split, "part of the folder; without it Test, or all of a folder without parts",
                 {"Test", "Val", "Train"}),
          {"pred", &maps, "folder of 8-bit maps to score, paired with --gt by name"},
          {"gt", &masks, "folder of masks"},
          {"out", &out, "write the scores to this .json file"},
          {"count", &count, "synthetic pictures", 1, 1e6},
          {"batch-size", &batch, "photographs in a forward pass; never changes a result", 1, 4096},
          choice("device", &device, "where to compute", {"cpu", "cuda"}),
          {"threads", &threads, "threads that compute; 0: one per core", 0, 1024},
          {"workers", &workers, "threads that read ahead", 0, 256}}};
  read(command, words);
  const bool by_maps = !maps.empty() || !masks.empty();
  check<ConfigError>(by_maps ? !maps.empty() && !masks.empty() && weights.empty() && data.empty()
                             : !weights.empty() && !data.empty(),
                     "camo eval: needs --weights and --data, or --pred and --gt");
  check<ConfigError>(out.empty() || (out.size() > 5 && out.substr(out.size() - 5) == ".json"),
                     "camo eval --out: must end in .json, got '", out, "'");

  Scores s;
  std::string what = maps;
  if (by_maps) {
    s = score_maps(maps, masks);
  } else {
    Dataset set;
    if (data != "synthetic")
      set.pairs = find_pairs(data, split.empty() ? std::vector<std::string>{"Test", ""} : std::vector{split});
    Loaded loaded = load_model(weights, device);
    loaded.config.threads = threads, apply_machine(loaded.config);
    const TrainConfig& c = loaded.config;
    if (data == "synthetic") set = synthetic_test(c, count);
    std::printf("%s\n", (what = loaded.described).c_str());
    s = evaluate(*loaded.model, set, {c.size, precision(c), workers, batch});
  }
  std::printf("%lld images  MAE %.4f  IoU %.4f  Dice %.4f\n", (long long)s.images, s.mae, s.iou, s.dice);
  if (!out.empty()) {
    JsonObject object;
    object.items = {{"what", what},       {"data", by_maps ? masks : data},
                    {"images", s.images}, {"mae", s.mae},
                    {"iou", s.iou},       {"dice", s.dice}};
    write_file(out, to_json(object, false));
  }
  return 0;
}

}  // namespace camo::program
