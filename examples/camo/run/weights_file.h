// Weight files for exchange with other programs; checkpoint.h has those that only Camo reads.
//
// `camo export` and `camo import` write safetensors with PyTorch's names and layout.  The metadata says
//   format         pt, which some readers ask for
//   camo.weights   1: the version of this list
//   camo.version   of the program
//   part           network or backbone
//   model, backbone, config (network only: as config.json), normalisation (mean and deviation of R, G, B in [0, 1])
#pragma once

#include "examples/camo/options/config.h"
#include "nn/weights.h"

namespace camo::program {

constexpr const char *kWeightsKey = "camo.weights", *kWeightsFormat = "1";

/// A run folder means its best.safetensors; any other path stays as it is.
std::string weights_path(const std::string& given);

/// f(), whose errors about what the file holds become WeightsErrors that name the file.
template <class F> auto about_file(const std::string& path, const F& f) {
  try {
    return f();
  } catch (const WeightsError& e) {
    throw WeightsError(text(path, ": ", e.what()));
  } catch (const ConfigError& e) {
    throw WeightsError(text(path, ": ", e.what()));
  }
}

/// Loads any file that tensor/io/io.h reads, or a run folder, into a backbone.  WeightsError names the file.
nn::WeightsReport load_weights_file(nn::Backbone& backbone, const std::string& path, bool partial = false,
                                    const ReadOptions& options = {});

/// names: timm's (stages.0...) or those of its features_only models (stages_0...).
void write_weights(const std::string& path, const nn::Module& module, Metadata about, bool features_names = false);
/// The metadata of a backbone, and of a whole network.
Metadata about_backbone(const std::string& name);
Metadata about_network(const TrainConfig& config);
/// Reads what about_network wrote.  WeightsError names the file.  Computes on the CPU unless the caller says otherwise.
TrainConfig config_of(const Metadata& about, const std::string& path);

}  // namespace camo::program
