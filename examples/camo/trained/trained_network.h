// The trained networks of a command: its flags, and loading them on the machine that other flags choose.
#pragma once

#include "examples/camo/predict/predictor.h"
#include "examples/camo/trained/checkpoint.h"

namespace camo::program {

/// The option --weights.
inline Option trained_weights(std::string* path) {
  return {"weights", path, "run folder, checkpoint or exported network; uses averaged (EMA) weights if present"};
}

/// Loads the network of a file and applies the device and threads of `machine`; all else is as in training.
TrainedNetwork open_network(const std::string& weights, const Machine& machine);

/// The flags of commands that make maps.
struct PredictionFlags {
  std::vector<std::string> weights;
  std::string tta = "off";
  Mean mean = Mean::logits;
  std::string refine = "off";
  int64_t batch = 4;

  /// The views, the mean and the refinement.  ConfigError names the flag.
  Recipe recipe() const;
  /// What a finding depends on: checksums of the weights, --tta, --mean.
  JsonObject key() const;
  /// The same, and --refine: what the threshold depends on.
  JsonObject calibration_key() const;
};
Options options(PredictionFlags& flags);
/// The flags that change a map, resolved: tta, mean, refine.  The same for all words that mean the same.
JsonObject how_maps_are_made(const PredictionFlags& flags);

/// Networks whose answers are averaged, and how.
struct Ensemble {
  std::vector<TrainedNetwork> networks;  // at least one
  std::string described;                 // a line for each network, and what else the flags say
  Predictor predictor;

  const TrainConfig& config() const { return networks[0].config; }
  std::vector<TrainConfig> configs() const;
};
/// Loads the networks of --weights.  ConfigError for a wrong flag, before anything is loaded.
Ensemble open_networks(const PredictionFlags& flags, const Machine& machine);

/// Says if so few photographs chose something that another set may choose something else.
void warn_if_few(int64_t photographs);

/// "12.3 ms a photograph for the networks, 4.5 ms for refinement and scaling"
std::string time_words(const Predictor& predictor);

}  // namespace camo::program
