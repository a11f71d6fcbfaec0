#include "examples/camo/config.h"

#include "examples/camo/files.h"
#include "tensor/error.h"

namespace camo::program {

Options options(TrainConfig& c) {
  return {
      {.name = "data",
       .value = &c.data,
       .help = "folder of photographs and masks, a list file, or 'synthetic'"},
      {.name = "out",
       .value = &c.out,
       .help = "run folder to make: configuration, weights, metrics, pictures"},
      {.name = "model", .value = &c.model, .help = "network", .words = {"camoxpert-sparse"}},
      {.name = "backbone",
       .value = &c.backbone,
       .help = "feature extractor",
       .words = {"pvt_v2_b0", "pvt_v2_b1", "pvt_v2_b2", "pvt_v2_b3", "pvt_v2_b4", "pvt_v2_b5"}},
      {.name = "size",
       .value = &c.size,
       .help = "size in pixels that photographs are resized to",
       .low = 32,
       .high = 4096},
      {.name = "batch-size",
       .value = &c.batch_size,
       .help = "photographs in a forward pass",
       .low = 1,
       .high = 4096},
      {.name = "accumulate",
       .value = &c.accumulate,
       .help = "forward passes in an optimizer step",
       .low = 1,
       .high = 4096},
      {.name = "epochs", .value = &c.epochs, .help = "passes over the data", .low = 1, .high = 1e6},
      {.name = "lr", .value = &c.lr, .help = "peak learning rate of AdamW", .low = 0, .high = 10},
      {.name = "min-lr",
       .value = &c.min_lr,
       .help = "learning rate at the end of the cosine",
       .low = 0,
       .high = 10},
      {.name = "warmup",
       .value = &c.warmup,
       .help = "epochs in which the learning rate rises",
       .low = 0,
       .high = 1e6},
      {.name = "weight-decay",
       .value = &c.weight_decay,
       .help = "AdamW's, none on norms and biases",
       .low = 0,
       .high = 10},
      {.name = "clip",
       .value = &c.clip,
       .help = "largest norm of all gradients together; 0: no limit",
       .low = 0,
       .high = 1e9},
      {.name = "ema-decay",
       .value = &c.ema_decay,
       .help = "decay of the averaged weights a step; 0: no average",
       .low = 0,
       .high = 0.999999},
      {.name = "drop-path",
       .value = &c.drop_path,
       .help = "chance that a block of the backbone is left out",
       .low = 0,
       .high = 0.9},
      {.name = "balance-rate",
       .value = &c.balance_rate,
       .help = "step of the bias that evens the experts' load",
       .low = 0,
       .high = 1},
      {.name = "augment",
       .value = &c.augment,
       .help = "flip, crop, scale, rotate, recolour",
       .words = {"on", "off"}},
      {.name = "hold-out",
       .value = &c.hold_out,
       .help = "share of the training photographs kept for validation, where the "
               "data has no split of its own",
       .low = 0,
       .high = 0.9},
      {.name = "count", .value = &c.count, .help = "synthetic photographs an epoch", .low = 1, .high = 1e9},
      {.name = "difficulty", .value = &c.difficulty, .help = "of synthetic camouflage", .low = 0, .high = 1},
      {.name = "bad-steps",
       .value = &c.bad_steps,
       .help = "steps with NaN or infinity in a row that end the run",
       .low = 1,
       .high = 1e6},
      {.name = "seed",
       .value = &c.seed,
       .help = "decides weights, order, augmentation and noise",
       .low = 0,
       .high = 9e15},
      {.name = "device", .value = &c.device, .help = "where to compute", .words = {"cpu"}},
      {.name = "precision", .value = &c.precision, .help = "of activations", .words = {"fp32", "bf16"}},
      {.name = "threads",
       .value = &c.threads,
       .help = "threads that compute; 0: one per core; never changes a result",
       .low = 0,
       .high = 1024},
      {.name = "workers",
       .value = &c.workers,
       .help = "threads that read and augment ahead; never changes a result",
       .low = 0,
       .high = 256},
  };
}

void validate(const TrainConfig& c) {
  check<ConfigError>(!c.data.empty(),
                     "camo train --data: a folder, a list file or 'synthetic' must be given");
  check<ConfigError>(!c.out.empty(), "camo train --out: a run folder must be given");
  check<ConfigError>(c.min_lr <= c.lr, "camo train --min-lr: must be at most --lr, got ", c.min_lr, " and ",
                     c.lr);
}

void parse_config(const std::string& words, const std::string& where, TrainConfig& config) {
  JsonObject object = parse_json(words, where);
  Options table = options(config);
  std::vector<std::string> known;
  for (const Option& o : table) known.push_back(o.name);
  for (const auto& [key, value] : object.items) {
    const Option* found = nullptr;
    for (const Option& o : table) found = o.name == key ? &o : found;
    std::string near = found ? "" : nearest(key, known);
    check<ConfigError>(found, where, ": no such key '", key, "'",
                       near.empty() ? "" : " [did you mean '" + near + "'?]");
    set_json(*found, value, where + ": " + key);
  }
}

void read_config(const std::string& file, TrainConfig& config) {
  parse_config(read_file<ConfigError>(file), file, config);
}

std::string to_text(TrainConfig config, bool one_line) {
  JsonObject object;
  for (const Option& o : options(config)) object.set(o.name, to_json_value(o));
  return to_json(object, one_line);
}

}  // namespace camo::program
