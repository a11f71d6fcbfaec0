// Weight files that other programs write and read; a checkpoint (checkpoint.h) is for Camo alone.
//
// What `camo export` and `camo import` write is PyTorch's: its names, its layout, safetensors.  The metadata says
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

/// A run folder stands for its best.safetensors.
std::string weights_path(const std::string& given);

/// f(), whose WeightsError says which file it is about.
template <class F> auto about_file(const std::string& path, const F& f) {
  try {
    return f();
  } catch (const WeightsError& e) {
    throw WeightsError(text(path, ": ", e.what()));
  }
}

/// Any file that tensor/io/io.h reads, or a run folder, into a backbone; WeightsError names the file.
nn::WeightsReport load_weights_file(nn::Backbone& backbone, const std::string& path, bool partial = false,
                                    const ReadOptions& options = {});

/// names: timm's (stages.0...) or those of its features_only models (stages_0...).
void write_weights(const std::string& path, const nn::Module& module, Metadata about, bool features_names = false);
/// What the metadata says of a backbone, and of a whole network.
Metadata about_backbone(const std::string& name);
Metadata about_network(const TrainConfig& config);
/// What about_network said; WeightsError names the file.  Computes on the CPU unless the caller says otherwise.
TrainConfig config_of(const Metadata& about, const std::string& path);

}  // namespace camo::program
