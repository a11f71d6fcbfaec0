// All settings of a training run, as one struct with one table: flags of `camo train`, keys of config.json.
// A new key is a member here and a row of options() in config.cpp.  Read next: stages.h, run/trainer.h.
#pragma once

#include "examples/camo/options/normalisation.h"
#include "examples/camo/options/reading.h"
#include "moe/loss.h"
#include "nn/optim.h"
#include "nn/schedule.h"
#include "tensor/dtype.h"

namespace camo::program {

/// "structure=1,deep=0.5": terms of the loss and their weights; terms that are not named have weight 0.
std::string to_text(const moe::LossWeights& weights);
/// ConfigError names an unknown term and the nearest known one.
moe::LossWeights loss_weights(const std::string& terms);

enum class Precision { fp32, bf16 };
constexpr auto names_of(Precision) { return std::array{"fp32", "bf16"}; }
/// Bf16Units, or automatic: with bf16, the fastest.
enum class UnitsChoice { off, pairs, tiles, automatic };
constexpr auto names_of(UnitsChoice) { return std::array{"off", "pairs", "tiles", "auto"}; }

/// What --weights loads.  automatic: the whole network, if the file holds one.
enum class Load { automatic, backbone, network };
constexpr auto names_of(Load) { return std::array{"auto", "backbone", "network"}; }

/// Where and how a command computes.  All commands take these flags from one table.
struct Machine {
  Device device = {};
  Precision precision = Precision::fp32;
  UnitsChoice bf16_units = UnitsChoice::automatic;
  bool tf32 = false, winograd = true;
  int64_t threads = 0, workers = 2;
  double deadline = 60;  // seconds
};
Options options(Machine& machine);

/// The dtype of activations.
inline DType precision(const Machine& m) { return m.precision == Precision::bf16 ? DType::bf16 : DType::f32; }

struct TrainConfig : Machine {
  // data
  std::string data;
  Reading reading;
  bool check = true;
  ImageSize size;
  double hold_out = 0.1;
  std::string augment = "on";  // augment_settings.h
  double empty_share = 1;
  std::string cache = "off";  // or "memory", or a file
  int64_t count = 1000;
  double difficulty = 0.5;
  // model
  std::string model = "camoxpert-sparse", backbone = "pvt_v2_b0", weights;
  Load part = Load::automatic;
  bool partial = false;
  std::string freeze, thaw;
  std::string normalisation;  // "": at the start of a run it becomes that of the weights
  int64_t experts = 0, chosen = 2, attention_pool = 32;
  std::string pool;
  double drop_path = 0.1, balance_rate = 0.01;
  std::string router, loss = to_text(moe::LossWeights{});
  moe::AttentionKind attention = moe::AttentionKind::flash;
  moe::Recompute recompute = moe::Recompute::none;
  // optimisation
  int64_t epochs = 40, batch_size = 8, accumulate = 1;
  double lr = 3e-4, min_lr = 1e-6, warmup = 1, weight_decay = 0.01, clip = 1, ema_decay = 0.999;
  double layer_decay = 1, backbone_rate = 1;
  std::string schedule = name_of(nn::Decay::cosine), monitor = "IoU";
  int64_t patience = 0;
  double hours = 0;
  std::string memory;
  int64_t seed = 1, bad_steps = 5, verify_every = 50;
  bool profile = false;
  std::string out;
  std::vector<JsonObject> stages;  // a row for each stage, with the keys that it says: options/stages.h
};

/// The settings of --chosen, --balance-rate and --router ("routing=tile,tile=8,lr=0.1").
struct RouterSettings {
  moe::MoeConfig mixture;
  nn::ParameterGroup group{.path = "router"};  // a factor for the learning rate, and a separate clip
  double delay_epochs = 0, warmup_epochs = 0;  // of the auxiliary loss; the trainer turns them into steps
};
/// How the network of a configuration expects photographs.  ConfigError names the flag.
Normalisation normalisation(const TrainConfig& config);
/// The names in --pool; empty without.
std::vector<std::string> pool_of(const TrainConfig& config);
/// ConfigError names an unknown key and the nearest known one.
RouterSettings router_settings(const TrainConfig& config);

/// The configuration of the demo, which `camo bench train` uses as well.
TrainConfig demo_config();

/// Sets the number of threads, bf16 instructions and TF32 for this process, and replaces "auto" by the choice
/// made, so that a run records it.  DeviceError if the device does not exist, ConfigError if the processor has no
/// bf16 instructions.
void apply_machine(Machine& machine);

/// How bf16 numbers are multiplied now, for reports: " by bf16 tiles"; empty if widened.
std::string units_words();

/// The table.
Options options(TrainConfig& config);

/// Checks rules across several options, and required values; ConfigError names the flags.
void validate(const TrainConfig& config);

/// Reads a file with any of the table's keys; ConfigError names the file, the key and the nearest known key.
void read_config(const std::string& file, TrainConfig& config);
void parse_config(const std::string& text, const std::string& where, TrainConfig& config);
/// All keys, one per line; parse_config(to_text(c)) gives c.
std::string to_text(TrainConfig config, bool one_line = false);

}  // namespace camo::program
