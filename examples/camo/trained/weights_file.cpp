#include "examples/camo/trained/weights_file.h"

#include <filesystem>

#include "examples/camo/trained/run_folder.h"
#include "tensor/ops/reduce.h"

namespace camo::program {

std::string weights_path(const std::string& given) {
  return std::filesystem::is_directory(given) ? run_file(given, RunFile::best) : given;
}

void check_finite(const NamedTensors& tensors, const std::string& path) {
  for (const auto& [name, t] : tensors)
    if (is_float(t.dtype()))
      check<WeightsError>(all_finite(t), path, ": ", name, " ", t.shape(),
                          " holds NaN or infinity [weights of an earlier epoch?]");
}

nn::WeightsReport load_weights_file(nn::Backbone& backbone, const std::string& given, bool partial,
                                    const ReadOptions& options) {
  const std::string path = weights_path(given);
  SafeTensors file = read_tensors(path, options);
  check_finite(file.tensors, path);
  return about_file(path, [&] { return nn::load_weights(backbone, std::move(file.tensors), partial); });
}

void write_weights(const std::string& path, const nn::Module& module, Metadata about, bool features_names) {
  NamedTensors tensors = nn::state_dict(module);
  if (features_names)
    for (auto& [name, t] : tensors) name = nn::features_name(name);
  write_safetensors(path, tensors, about);
}

Metadata about_backbone(const std::string& name, const Normalisation& normalisation) {
  return {{"format", "pt"},
          {kWeightsKey, kWeightsFormat},
          {"camo.version", CAMO_VERSION},
          {"part", "backbone"},
          {"backbone", name},
          {"normalisation", normalisation_json(normalisation)}};
}

Metadata about_network(const TrainConfig& config) {
  Metadata about = about_backbone(config.backbone, normalisation(config));
  about["part"] = "network", about["model"] = config.model, about["config"] = to_text(config, true);
  about["size"] = text(config.size.height, "x", config.size.width);
  return about;
}

std::optional<Normalisation> stated_normalisation(const Metadata& about) {
  if (const auto own = about.find("normalisation"); own != about.end()) return parse_normalisation_json(own->second);
  const auto config = about.find("config");
  if (config == about.end()) return {};
  TrainConfig run;
  parse_config(config->second, "config", run);
  return normalisation(run);
}

Normalisation expected_normalisation(const TrainConfig& config, const Metadata& weights) {
  if (!config.normalisation.empty()) return normalisation(config);
  if (const auto stated = stated_normalisation(weights)) return *stated;
  return nn::backbone(config.backbone, nn::Scope{.initialise = false})->normalisation;
}

Normalisation expected_normalisation(const TrainConfig& config) {
  if (config.weights.empty()) return expected_normalisation(config, {});
  const std::string path = weights_path(config.weights);
  const Metadata about = read_tensors_header(path).metadata;
  return about_file(path, [&] { return expected_normalisation(config, about); });
}

TrainConfig config_of(const Metadata& about, const std::string& path) {
  const auto config = about.find("config");
  TrainConfig out;
  about_file(path, [&] { parse_config(config == about.end() ? "" : config->second, "config", out); });
  out.device = {};
  return out;
}

}  // namespace camo::program
