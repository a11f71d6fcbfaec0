#include "examples/camo/options/config.h"

#include <algorithm>

#include "examples/camo/metrics/metrics.h"
#include "examples/camo/options/augment_settings.h"
#include "examples/camo/options/files.h"
#include "examples/camo/options/format.h"
#include "examples/camo/options/stages.h"
#include "nn/backbone.h"
#include "tensor/error.h"
#include "tensor/ops/conv.h"
#include "tensor/ops/matmul.h"
#include "tensor/parallel.h"

namespace camo::program {

std::string to_text(const moe::LossWeights& weights) {
  std::string out;
  for (const moe::LossTerm& term : moe::loss_terms())
    if (weights[term.name] != 0) out += text(out.empty() ? "" : ",", term.name, "=", weights[term.name]);
  return out;
}

moe::LossWeights loss_weights(const std::string& terms) {
  moe::LossWeights out;
  Options table;
  for (const moe::LossTerm& term : moe::loss_terms())
    table.push_back({term.name, &(out[term.name] = 0), term.help, 0, 1e6});
  set_all(table, terms, "loss");
  return out;
}

namespace {

/// The keys of --router.
Options options(RouterSettings& settings) {
  moe::MoeConfig& out = settings.mixture;
  return {choice("routing", &out.routing, "what is sent to experts: whole maps, or windows of them",
                 named<moe::Routing>({moe::Routing::image, moe::Routing::tile})),
          {"tile", &out.tile, "side of a window, in pixels of the map", 1, 4096},
          choice("weights", &out.weights, "softmax over the logits of the chosen experts, or of all experts"),
          {"temperature", &out.temperature, "logits are divided by this", 1e-3, 1e3},
          {"clamp", &out.clamp, "largest size of a logit; 0: no limit", 0, 1e6},
          {"noise", &out.noise, "standard deviation of the noise added when experts are chosen in training", 0, 1e3},
          {"z-loss", &out.z_loss, "weight of the loss that keeps logits small", 0, 1e3},
          choice("balancing", &out.balancing, "method that evens out the load of the experts"),
          {"leak", &out.leak, "share of the balance that is lost in each step", 0, 1},
          {"limit", &out.limit, "largest size of the balance; 0: no limit", 0, 1e6},
          {"average", &out.average, "share of the load before in the load that is evened out", 0, 0.9999},
          {"auxiliary", &out.auxiliary, "weight of the auxiliary loss", 0, 1e3},
          {"warmup", &out.warmup, "optimizer steps over which the auxiliary loss rises to its weight", 0, 1e9},
          {"warmup-epochs", &settings.warmup_epochs, "the same in epochs", 0, 1e6},
          {"delay-epochs", &settings.delay_epochs, "epochs before that rise", 0, 1e6},
          {"floor", &out.floor, "weight of the auxiliary loss before that rise", 0, 1e3},
          {"entropy", &out.entropy, "weight of the loss that keeps all experts likely", 0, 1e3},
          {"lr", &settings.group.rate_scale, "the routers' learning rate, as a factor of --lr", 0, 1e3},
          {"clip", &settings.group.clip, "largest norm of the routers' gradients; 0: no limit", 0, 1e9}};
}

/// Those that validation can be judged by.
std::vector<std::string> measure_names() {
  std::vector<std::string> out;
  for (const MeasureInfo& m : kMeasures) out.push_back(m.name);
  return out;
}

Option backbone_choice(std::string* value) {
  Option out = choice("backbone", value, "feature extractor", nn::backbone_names());
  out.meant = nn::backbone_name;
  return out;
}

}  // namespace

RouterSettings router_settings(const TrainConfig& c) {
  RouterSettings settings{.mixture = {.chosen = c.chosen, .rate = c.balance_rate}};
  const moe::MoeConfig usual, &m = settings.mixture;
  set_all(options(settings), c.router, "router");
  check<ConfigError>(m.routing == moe::Routing::tile || m.tile == usual.tile, "router: tile goes with routing=tile");
  const bool rises = m.warmup > 0 || settings.warmup_epochs > 0 || settings.delay_epochs > 0 || m.floor > 0;
  check<ConfigError>(m.balancing == moe::Balancing::auxiliary || !rises,
                     "router: warmup, warmup-epochs, delay-epochs and floor go with balancing=auxiliary");
  check<ConfigError>(m.warmup == 0 || settings.warmup_epochs == 0, "router: takes warmup or warmup-epochs, got both");
  if (settings.warmup_epochs > 0 || settings.delay_epochs > 0) settings.mixture.warmup = std::max<int64_t>(1, m.warmup);
  return settings;
}

Normalisation normalisation(const TrainConfig& c) { return parse_normalisation(c.normalisation); }

std::vector<std::string> pool_of(const TrainConfig& c) { return split(c.pool, ','); }

/// "on" is the word of runs from before there were tiles.
Option bf16_units_option(Machine& m) {
  Option out = choice("bf16-units", &m.bf16_units, "the processor's bf16 instructions; auto: with bf16, the fastest");
  out.meant = [](const std::string& word) { return word == "on" ? std::string(name_of(UnitsChoice::pairs)) : word; };
  return out;
}

Options options(Machine& m) {
  return {
      choice("device", &m.device, "where to compute"),
      choice("precision", &m.precision, "type of the activations"),
      bf16_units_option(m),
      off_on("tf32", &m.tf32, "use a GPU's tensor cores for f32, with 10 bits of fraction"),
      off_on("winograd", &m.winograd, "compute f32 convolutions of 3 x 3 by Winograd's F(4 x 4, 3 x 3) on the CPU"),
      {"threads", &m.threads, "threads that compute; 0: all cores allowed; never changes a result", 0, 1024},
      {"workers", &m.workers, "threads that read ahead, and write behind; never changes a result", 0, 256},
      {"deadline", &m.deadline, "seconds that processes wait for one of them that says nothing", 5, 1e6},
  };
}

Options options(TrainConfig& c) {
  RouterSettings router;
  std::string router_keys, loss_terms;
  for (const std::string& key : options(router).names()) router_keys += (router_keys.empty() ? "" : ", ") + key;
  for (const moe::LossTerm& term : moe::loss_terms()) loss_terms += (loss_terms.empty() ? "" : ", ") + text(term.name);
  Options out = {
      {"data", &c.data, "folder of photographs and masks, a list file, or 'synthetic'"},
      {"out", &c.out, "run folder to make: configuration, weights, metrics, pictures"},
      choice("model", &c.model, "network", moe::model_names()),
      backbone_choice(&c.backbone),
      {"weights", &c.weights, "start from a run, a network or a backbone (safetensors, PyTorch's .pth)"},
      choice("part", &c.part, "what to take of --weights; auto: all there is"),
      {"partial", &c.partial, "load what fits of --weights; the rest starts fresh"},
      {"normalisation", &c.normalisation, "imagenet, lite or M,M,M/D,D,D (mean, deviation); empty: the weights' own"},
      {"freeze", &c.freeze, "parts that keep their weights, by name or pattern: backbone, '*.norm1'"},
      {"thaw", &c.thaw, "unfreeze the backbone by stages: every=EPOCHS,from=deepest|shallowest"},
      {"size", &c.size, "photographs are resized to this many pixels", 32, 4096},
      {"batch-size", &c.batch_size, "photographs in a forward pass", 1, 4096},
      {"accumulate", &c.accumulate, "forward passes in an optimizer step", 1, 4096},
      {"epochs", &c.epochs, "passes over the data", 1, 1e6},
      {"lr", &c.lr, "peak learning rate of AdamW", 0, 10},
      {"min-lr", &c.min_lr, "learning rate at the end of the schedule", 0, 10},
      {"warmup", &c.warmup, "epochs over which the learning rate rises to --lr", 0, 1e6},
      {"schedule", &c.schedule,
       "cosine, polynomial, constant, restarts,cycle=EPOCHS,growth=X or step,every=EPOCHS,factor=X"},
      {"backbone-rate", &c.backbone_rate, "the backbone's learning rate, as a factor of --lr", 0, 1e3},
      {"layer-decay", &c.layer_decay, "factor of the rate from each layer of the backbone to the one before", 1e-3, 1},
      {"weight-decay", &c.weight_decay, "weight decay of AdamW; norms and biases have none", 0, 10},
      {"clip", &c.clip, "largest norm of all gradients together; 0: no limit", 0, 1e9},
      {"ema-decay", &c.ema_decay, "decay per step of the averaged (EMA) weights; 0: no average", 0, 0.999999},
      {"experts", &c.experts, "experts at each scale; 0: the model's own number", 0, 24},
      {"pool", &c.pool, "names of the experts, in place of their number: texture,texture,edge"},
      {"attention-pool", &c.attention_pool, "camoxpert: attention pools keys of larger maps; 0: never", 0, 4096},
      {"chosen", &c.chosen, "experts that each photograph is sent to, at each scale", 1, 16},
      {"router", &c.router, "settings of the routers as KEY=VALUE,...; keys: " + router_keys},
      choice("attention", &c.attention, "kind of attention; linear: for camoxpert"),
      {"loss", &c.loss, "loss as TERM=WEIGHT,...; terms: " + loss_terms},
      {"drop-path", &c.drop_path, "chance that a block of the backbone is skipped in training", 0, 0.9},
      {"balance-rate", &c.balance_rate, "step of the bias that evens out the load of the experts", 0, 1},
      {"augment", &c.augment, "change photographs in training: off, on, KEY=VALUE,...; keys: " + augment_keys()},
      {"empty-share", &c.empty_share, "largest share of photographs with an empty mask in an epoch", 0, 1},
      {"cache", &c.cache, "keep decoded photographs: off, memory or a file; changes no result"},
      {"hold-out", &c.hold_out, "share of the photographs kept for validation, if the data has no split", 0, 0.9},
      off_on("check", &c.check, "decode and check all photographs before the first epoch"),
      {"count", &c.count, "synthetic photographs in an epoch", 1, 1e9},
      {"difficulty", &c.difficulty, "difficulty of synthetic camouflage", 0, 1},
      choice("monitor", &c.monitor, "measure by which the best epoch is chosen", measure_names()),
      {"patience", &c.patience, "epochs without a better one that end a stage; 0: none do", 0, 1e6},
      {"memory", &c.memory, "memory for training, like 6GB: smaller batches, more of them in a step"},
      {"hours", &c.hours, "time for the run: fewer epochs if they would take longer; 0: no limit", 0, 1e5},
      {"bad-steps", &c.bad_steps, "steps with NaN or infinity in a row that end the run", 1, 1e6},
      {"verify-every", &c.verify_every, "forward passes between two checks of the routing; 0: no checks", 0, 1e9},
      choice("recompute", &c.recompute, "parts recomputed, to save memory"),
      {"profile", &c.profile, "print how long each part took and what it kept; slows a GPU"},
      {"seed", &c.seed, "decides initial weights, order, augmentation and noise", 0, 9e15},
  };
  return out.add(options(c.reading)).add(options(static_cast<Machine&>(c)));
}

TrainConfig demo_config() {
  TrainConfig c;
  c.data = "synthetic", c.out = "runs/demo";
  c.size = {96, 96}, c.count = 800, c.epochs = 10, c.batch_size = 8, c.lr = 1e-3, c.weight_decay = 0.01,
  c.ema_decay = 0.995;
  c.drop_path = 0, c.augment = "off";  // every epoch has new pictures
  return c;
}

namespace {

/// Rules of --augment, --empty-share and --cache.
void validate_data(const TrainConfig& c) {
  for (double scale : augment_settings(c.augment).scales) {
    const ImageSize size = scaled(c.size, scale);
    check<ConfigError>(std::max(size.height, size.width) <= 4096, "camo train --augment: scales: ", scale, " times ",
                       to_string(c.size), " is more than 4096");
  }
  const bool files = c.data != "synthetic";
  check<ConfigError>(files || c.empty_share == 1, "camo train --empty-share: every synthetic mask holds an object");
  check<ConfigError>(files || c.cache == "off", "camo train --cache: synthetic photographs are made, not decoded");
  check<ConfigError>(!c.cache.empty(), "camo train --cache: expects off, memory or a file, got ''");
  if (c.cache != "off" && c.cache != "memory") check_writable(c.cache, "camo train --cache");
}

/// Rules of what a stage may say.
void validate_stage(const TrainConfig& stage) {
  check<ConfigError>(stage.min_lr <= stage.lr, "camo train --min-lr: must be at most --lr of every stage, got ",
                     stage.min_lr, " and ", stage.lr);
  const moe::LossWeights weights = loss_weights(stage.loss);
  bool learns = false;
  for (const moe::LossTerm& term : moe::loss_terms()) learns = learns || (term.of_logits && weights[term.name] > 0);
  check<ConfigError>(learns, "camo train --loss: the logits need a term, got '", stage.loss, "' [structure=1]");
  validate_data(stage);
  rate_schedule(stage.schedule, 1), thaw_of(stage);
}

}  // namespace

void validate(const TrainConfig& c) {
  check<ConfigError>(c.data.empty() != c.reading.images.empty(),
                     "camo train: needs --data (a folder, a list file or 'synthetic'), or --images and --masks");
  validate(c.reading, "camo train");
  check<ConfigError>(!c.out.empty(), "camo train --out: a run folder must be given");
  router_settings(c), normalisation(c);
  check<ConfigError>(
      c.pool.empty() || (c.experts == 0 && c.model != "camoxpert-single"),
      "camo train --pool: names the experts, so it goes without --experts, and not with camoxpert-single");
  check<ConfigError>(c.pool.empty() || c.model == "camoxpert-cod" || int64_t(pool_of(c).size()) >= c.chosen,
                     "camo train --pool: names ", pool_of(c).size(), " experts, --chosen is ", c.chosen);
  const bool routes = c.model == "camoxpert" || c.model == "camoxpert-sparse";
  check<ConfigError>(routes || c.router.empty(), "camo train --router: ", c.model, " has no router");
  check<ConfigError>(c.model == "camoxpert" || c.attention != moe::AttentionKind::linear,
                     "camo train --attention linear: is for camoxpert, got ", c.model);
  if (!c.memory.empty()) parse_bytes(c.memory, "camo train --memory");
  bool frozen = true;  // the backbone, in every stage
  for (const TrainConfig& stage : stages_of(c)) {
    validate_stage(stage);
    frozen = frozen && stage.freeze == "backbone" && stage.thaw.empty();
  }
  check<ConfigError>(!frozen || !c.weights.empty(),
                     "camo train --freeze: needs --weights, or the backbone stays as random as it starts");
}

void apply_machine(Machine& m) {
  on(m.device, [](auto) {});  // a missing device is an error before any file is read
  set_threads(int(m.threads));
  if (m.bf16_units == UnitsChoice::automatic)
    m.bf16_units = UnitsChoice(m.precision == Precision::bf16 ? fastest_bf16_units() : Bf16Units::off);
  use_tf32(m.tf32);
  use_winograd(m.winograd);
  check<ConfigError>(use_bf16_units(Bf16Units(m.bf16_units)), "bf16-units: this processor has no ",
                     name_of(m.bf16_units), " [--bf16-units off computes without, with other bits]");
}

std::string units_words() {
  const Bf16Units units = bf16_units();
  return units == Bf16Units::off ? "" : text(" by bf16 ", name_of(units));
}

void parse_config(const std::string& words, const std::string& where, TrainConfig& config) {
  JsonObject object = parse_json(words, where);
  Options table = options(config);
  for (auto [key, value] : object.items) {
    if (key == "stages") {
      config.stages = stage_rows(value, where);
      continue;
    }
    if (key == "freeze" && std::holds_alternative<bool>(value))  // as in older files
      value = std::string(std::get<bool>(value) ? "backbone" : "");
    const Option* found = nullptr;
    for (const Option& o : table) found = o.name == key ? &o : found;
    std::string near = found ? "" : nearest(key, table.names());
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
  if (!config.stages.empty()) object.set("stages", config.stages);
  return to_json(object, one_line);
}

}  // namespace camo::program
