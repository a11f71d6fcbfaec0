// Everything that decides a training run, in one struct with one table.
#pragma once

#include "examples/camo/options/options.h"
#include "moe/loss.h"
#include "nn/optim.h"
#include "tensor/dtype.h"

namespace camo::program {

/// "structure=1,deep=0.5": the terms of the loss and their weights; those that are not named weigh 0.
std::string to_text(const moe::LossWeights& weights);
/// ConfigError names a term that does not exist, and the nearest one.
moe::LossWeights loss_weights(const std::string& terms);

struct TrainConfig {
  // data
  std::string data;
  ImageSize size;
  double hold_out = 0.1;
  std::string augment = "on";
  int64_t count = 1000;
  double difficulty = 0.5;
  // model
  std::string model = "camoxpert-sparse", backbone = "pvt_v2_b0", weights;
  bool freeze = false;
  int64_t experts = 0, chosen = 2;
  double drop_path = 0.1, balance_rate = 0.01;
  std::string router, attention = "flash", loss = to_text(moe::LossWeights{});
  // optimisation
  int64_t epochs = 40, batch_size = 8, accumulate = 1;
  double lr = 3e-4, min_lr = 1e-6, warmup = 1, weight_decay = 0.01, clip = 1, ema_decay = 0.999;
  int64_t seed = 1, bad_steps = 5, verify_every = 50;
  // machine
  std::string device = "cpu", precision = "fp32", bf16_units = "off", tf32 = "off";
  int64_t threads = 0, workers = 2;
  std::string out;
};

/// What --precision means: the type of activations.
inline DType precision(const TrainConfig& c) { return c.precision == "bf16" ? DType::bf16 : DType::f32; }

/// What --chosen, --balance-rate and --router ("routing=tile,tile=8,lr=0.1") say.
struct RouterSettings {
  moe::MoeConfig mixture;
  nn::ParameterGroup group{.path = "router"};  // factor of the learning rate, and a clip of its own
};
/// ConfigError names a key that does not exist, and the nearest one.
RouterSettings router_settings(const TrainConfig& config);

/// The demo's run, which the benchmark of training repeats.
TrainConfig demo_config();

/// Puts --threads, --bf16-units and --tf32 into force and resolves "auto" in the configuration, so that a run
/// records what it does.  DeviceError when --device is not there, ConfigError when the units are not.
void apply_machine(TrainConfig& config);

/// The table: flags of `camo train`, keys of config.json.
Options options(TrainConfig& config);

/// Rules that join several options, and what must not be empty; ConfigError names the flags.
void validate(const TrainConfig& config);

/// A file of keys as in the table, each optional; ConfigError names file, key and the nearest known key.
void read_config(const std::string& file, TrainConfig& config);
void parse_config(const std::string& text, const std::string& where, TrainConfig& config);
/// Every key, one a line; parse_config(to_text(c)) gives c.
std::string to_text(TrainConfig config, bool one_line = false);

}  // namespace camo::program
