// A checkpoint: one safetensors file with everything that a run needs to continue, bit for bit.
//
//   model.NAME, ema.NAME                  weights and statistics, in PyTorch's names and layout
//   optimizer.first.NAME, .second., .steps.
//   gate.NAME                             the routers as the run began, for camo verify
//   metadata: format, config (as config.json), state (position.h)
//
// tensor/io/io.h writes it under a temporary name, syncs and renames it, and verifies all checksums when it is read.
#pragma once

#include "examples/camo/options/config.h"
#include "moe/camoxpert.h"
#include "nn/state_dict.h"

namespace camo::program {

struct Checkpoint {
  TrainConfig config;
  JsonObject state;                        // the fields of record/position.h
  nn::NamedTensors model, ema, optimizer;  // ema and optimizer may be empty
  nn::NamedTensors first_gates;            // moe::gates() at the start of the run; empty in older files
};

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);
/// WeightsError for a file that is damaged or not from `camo train`.
Checkpoint load_checkpoint(const std::string& path);

/// A whole network in a file: a checkpoint, a run folder (its best.safetensors), or a file of `camo export`.
struct NetworkFile {
  std::string path, described;  // the file, and one line for the user: file, model, which weights, size
  TrainConfig config;
  nn::NamedTensors weights;           // averaged weights if the file has them
  nn::NamedTensors first_gates = {};  // as in Checkpoint
};
bool holds_network(const std::string& path);
/// WeightsError names a file that is damaged or holds no whole network.
NetworkFile read_network(const std::string& path);
/// Its configuration alone.
TrainConfig network_config(const std::string& path);

/// The network of a configuration, with initial weights.
std::unique_ptr<moe::CamoXpert> make_model(const TrainConfig& config);

/// A network in evaluation mode, with averaged weights if the file has them.
struct TrainedNetwork {
  TrainConfig config;
  std::unique_ptr<moe::CamoXpert> model;
  std::string described;              // one line for the user: file, model, which weights, size
  nn::NamedTensors first_gates = {};  // as in Checkpoint
};
/// path: as for read_network.
TrainedNetwork load_model(const std::string& path, Device device = {});

}  // namespace camo::program
