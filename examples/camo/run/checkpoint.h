// A checkpoint: one safetensors file that holds all a run needs to go on, bit for bit.
//
//   model.NAME, ema.NAME                  weights and statistics, in PyTorch's names and layout
//   optimizer.first.NAME, .second., .steps.
//   metadata: format, config (as config.json), state (position in the run, best score, counters)
//
// tensor/io/io.h writes it under a temporary name, syncs, renames; and checks every checksum when it is read.
#pragma once

#include "examples/camo/options/config.h"
#include "moe/camoxpert.h"
#include "nn/state_dict.h"

namespace camo::program {

struct Checkpoint {
  TrainConfig config;
  JsonObject state;
  nn::NamedTensors model, ema, optimizer;  // ema, optimizer may be empty
};

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);
/// WeightsError for what is damaged or was not written by `camo train`.
Checkpoint load_checkpoint(const std::string& path);

/// The network that a configuration describes, with its initial weights.
std::unique_ptr<moe::CamoXpert> make_model(const TrainConfig& config);

/// A network for use: averaged weights where the file has them.  `described` says which.
struct Loaded {
  TrainConfig config;
  std::unique_ptr<moe::CamoXpert> model;
  std::string described;
};
/// A checkpoint, a run folder (its best.safetensors), or what `camo export` wrote.
Loaded load_model(const std::string& path, Device device = {});

}  // namespace camo::program
