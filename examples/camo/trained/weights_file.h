// Weight files for exchange with other programs.  (A checkpoint, checkpoint.h, is for Camo alone.)
//
// `camo export` and `camo import` write safetensors with PyTorch's names and layout.  The metadata has
//   format         pt, which some readers require
//   camo.weights   1: the version of this list
//   camo.version   version of the program
//   part           network or backbone
//   model, size (HEIGHTxWIDTH) and config (as config.json) of a network; backbone; normalisation (mean and deviation of R, G, B in [0, 1])
#pragma once

#include <optional>

#include "examples/camo/options/config.h"
#include "nn/weights.h"

namespace camo::program {

constexpr const char *kWeightsKey = "camo.weights", *kWeightsFormat = "1";

/// The file for a path: a run folder stands for its best.safetensors.
std::string weights_path(const std::string& given);

/// Throws WeightsError, which names the file and the tensor, if one holds NaN or infinity.
void check_finite(const NamedTensors& tensors, const std::string& path);

/// Calls f(); errors about the content of the file become WeightsErrors that name it.
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

/// `features_names`: false for timm's names (stages.0...), true for those of its features_only models (stages_0...).
void write_weights(const std::string& path, const nn::Module& module, Metadata about, bool features_names = false);
/// The metadata of a backbone, and of a whole network.
Metadata about_backbone(const std::string& name, const Normalisation& normalisation);
Metadata about_network(const TrainConfig& config);
/// The normalisation that the metadata of a file states, itself or in the configuration of a run; none in files of
/// other programs.
std::optional<Normalisation> stated_normalisation(const Metadata& about);
/// What a network made from a file with that metadata expects: what the configuration says, else what the file states,
/// else what the published weights of the backbone expect.  The second reads the metadata of config.weights, if given.
Normalisation expected_normalisation(const TrainConfig& config, const Metadata& weights);
Normalisation expected_normalisation(const TrainConfig& config);
/// Reads the metadata of about_network.  WeightsError names the file.  The device is the CPU unless the
/// caller changes it.
TrainConfig config_of(const Metadata& about, const std::string& path);

}  // namespace camo::program
