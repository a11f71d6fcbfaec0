#include "examples/camo/options/config.h"

#include <algorithm>

#include "examples/camo/options/files.h"
#include "nn/backbone.h"
#include "tensor/error.h"
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

RouterSettings router_settings(const TrainConfig& c) {
  RouterSettings settings{.mixture = {.chosen = c.chosen, .rate = c.balance_rate}};
  moe::MoeConfig& out = settings.mixture;
  std::string routing = "image", weights = "chosen", balancing = "sign";
  const std::vector<std::string> routings = {"image", "tile"}, weightings = {"chosen", "all"},
                                 balancings = {"none", "sign", "proportional", "auxiliary"};
  const int64_t usual_tile = out.tile, usual_warmup = out.warmup;
  set_all({choice("routing", &routing, "what is sent to experts: whole maps or windows of them", routings),
           {"tile", &out.tile, "side of a window in pixels of the map", 1, 4096},
           choice("weights", &weights, "softmax over the chosen logits or over all", weightings),
           {"temperature", &out.temperature, "that logits are divided by", 1e-3, 1e3},
           {"clamp", &out.clamp, "largest size of a logit; 0: none", 0, 1e6},
           {"noise", &out.noise, "standard deviation added to the selection in training", 0, 1e3},
           {"z-loss", &out.z_loss, "coefficient of the loss that keeps logits small", 0, 1e3},
           choice("balancing", &balancing, "how the load is evened out", balancings),
           {"leak", &out.leak, "share of the balance that is lost in a step", 0, 1},
           {"auxiliary", &out.auxiliary, "coefficient of the auxiliary loss", 0, 1e3},
           {"warmup", &out.warmup, "optimizer steps in which it rises", 0, 1e9},
           {"lr", &settings.group.rate_scale, "factor of the learning rate", 0, 1e3},
           {"clip", &settings.group.clip, "largest norm of the routers' gradients; 0: no limit", 0, 1e9}},
          c.router, "router");
  check<ConfigError>(routing == "tile" || out.tile == usual_tile, "router: tile goes with routing=tile");
  check<ConfigError>(balancing == "auxiliary" || out.warmup == usual_warmup,
                     "router: warmup goes with balancing=auxiliary");
  auto place = [](const std::vector<std::string>& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) - words.begin();
  };
  out.routing = moe::Routing(place(routings, routing)), out.weights = moe::Weights(place(weightings, weights));
  out.balancing = moe::Balancing(place(balancings, balancing));
  return settings;
}

Options options(TrainConfig& c) {
  return {
      {"data", &c.data, "folder of photographs and masks, a list file, or 'synthetic'"},
      {"out", &c.out, "run folder to make: configuration, weights, metrics, pictures"},
      choice("model", &c.model, "network", moe::model_names()),
      choice("backbone", &c.backbone, "feature extractor (camo backbones lists them)", nn::backbone_names()),
      {"weights", &c.weights, "pretrained weights of the backbone: safetensors, PyTorch's .pth, or a run folder"},
      {"freeze", &c.freeze, "keep the backbone's weights as they are, and its drop path at rest"},
      {"size", &c.size, "size in pixels that photographs are resized to", 32, 4096},
      {"batch-size", &c.batch_size, "photographs in a forward pass", 1, 4096},
      {"accumulate", &c.accumulate, "forward passes in an optimizer step", 1, 4096},
      {"epochs", &c.epochs, "passes over the data", 1, 1e6},
      {"lr", &c.lr, "peak learning rate of AdamW", 0, 10},
      {"min-lr", &c.min_lr, "learning rate at the end of the cosine", 0, 10},
      {"warmup", &c.warmup, "epochs in which the learning rate rises", 0, 1e6},
      {"weight-decay", &c.weight_decay, "AdamW's, none on norms and biases", 0, 10},
      {"clip", &c.clip, "largest norm of all gradients together; 0: no limit", 0, 1e9},
      {"ema-decay", &c.ema_decay, "decay of the averaged weights a step; 0: no average", 0, 0.999999},
      {"experts", &c.experts, "experts at each scale; 0: as many as the model has by itself", 0, 16},
      {"chosen", &c.chosen, "experts that a photograph is sent to at each scale", 1, 16},
      {"router", &c.router,
       "KEY=VALUE,... of routing, tile, weights, temperature, clamp, noise, z-loss, balancing, "
       "leak, auxiliary, warmup, lr, clip"},
      choice("attention", &c.attention, "of camoxpert's attention expert", moe::attention_kind_names()),
      {"loss", &c.loss, "terms of the loss and their weights; those that are not named weigh 0"},
      {"drop-path", &c.drop_path, "chance that a block of the backbone is left out", 0, 0.9},
      {"balance-rate", &c.balance_rate, "step of the bias that evens the experts' load", 0, 1},
      choice("augment", &c.augment, "flip, crop, scale, rotate, recolour", {"on", "off"}),
      {"hold-out", &c.hold_out, "share of the photographs kept for validation, if the data has no split", 0, 0.9},
      {"count", &c.count, "synthetic photographs an epoch", 1, 1e9},
      {"difficulty", &c.difficulty, "of synthetic camouflage", 0, 1},
      {"bad-steps", &c.bad_steps, "steps with NaN or infinity in a row that end the run", 1, 1e6},
      {"verify-every", &c.verify_every, "forward passes between looks at the routing; 0: never", 0, 1e9},
      {"seed", &c.seed, "decides weights, order, augmentation and noise", 0, 9e15},
      choice("device", &c.device, "where to compute", {"cpu", "cuda"}),
      choice("precision", &c.precision, "of activations", {"fp32", "bf16"}),
      choice("bf16-units", &c.bf16_units, "bf16 units of the processor; auto: if faster", {"off", "on", "auto"}),
      choice("tf32", &c.tf32, "tensor cores of a GPU for f32, with 10-bit fractions", {"off", "on"}),
      {"threads", &c.threads, "threads that compute; 0: one per core; never changes a result", 0, 1024},
      {"workers", &c.workers, "threads that read and augment ahead; never changes a result", 0, 256},
  };
}

TrainConfig demo_config() {
  TrainConfig c;
  c.data = "synthetic", c.out = "runs/demo";
  c.size = {96, 96}, c.count = 800, c.epochs = 10, c.batch_size = 8, c.lr = 1e-3, c.weight_decay = 0.01,
  c.ema_decay = 0.995;
  c.drop_path = 0, c.augment = "off";  // every epoch has new pictures
  return c;
}

void validate(const TrainConfig& c) {
  check<ConfigError>(!c.data.empty(), "camo train --data: a folder, a list file or 'synthetic' must be given");
  check<ConfigError>(!c.out.empty(), "camo train --out: a run folder must be given");
  check<ConfigError>(c.min_lr <= c.lr, "camo train --min-lr: must be at most --lr, got ", c.min_lr, " and ", c.lr);
  router_settings(c);
  const moe::LossWeights weights = loss_weights(c.loss);
  bool learns = false;
  for (const moe::LossTerm& term : moe::loss_terms()) learns = learns || (term.of_logits && weights[term.name] > 0);
  check<ConfigError>(learns, "camo train --loss: the logits need a term, got '", c.loss, "' [structure=1]");
  const bool routes = c.model == "camoxpert" || c.model == "camoxpert-sparse";
  check<ConfigError>(routes || c.router.empty(), "camo train --router: ", c.model, " has no router");
  check<ConfigError>(c.model == "camoxpert" || c.attention == "flash", "camo train --attention: is for camoxpert, got ",
                     c.model);
  check<ConfigError>(!c.freeze || !c.weights.empty(),
                     "camo train --freeze: needs --weights, or the backbone stays as random as it starts");
}

void apply_machine(TrainConfig& c) {
  on(parse_device(c.device), [](auto) {});  // no such device is an error before anything is read
  set_threads(int(c.threads));
  if (c.bf16_units == "auto") c.bf16_units = c.precision == "bf16" && bf16_units_pay() ? "on" : "off";
  use_bf16_units(c.bf16_units == "on");
  use_tf32(c.tf32 == "on");
  check<ConfigError>(bf16_units() == (c.bf16_units == "on"), "bf16-units: this processor has none [off]");
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
