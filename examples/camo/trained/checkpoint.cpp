#include "examples/camo/trained/checkpoint.h"

#include "autograd/ops.h"
#include "examples/camo/trained/weights_file.h"

namespace camo::program {
namespace {

const char* const kFormat = "camo-checkpoint-1";

void append(nn::NamedTensors& out, const std::string& prefix, const nn::NamedTensors& part) {
  for (const auto& [name, tensor] : part) out.emplace_back(prefix + name, tensor);
}

}  // namespace

void save_checkpoint(const std::string& path, const Checkpoint& c) {
  nn::NamedTensors all;
  append(all, "model.", c.model);
  append(all, "ema.", c.ema);
  append(all, "optimizer.", c.optimizer);
  append(all, "gate.", c.first_gates);
  write_safetensors(path, all, {{"format", kFormat}, {"config", to_text(c.config, true)}, {"state", to_json(c.state)}});
}

Checkpoint load_checkpoint(const std::string& path) {
  check<WeightsError>(read_safetensors_header(path).metadata["format"] == kFormat, path,
                      ": is no checkpoint of camo train [its metadata has no format ", kFormat, "; camo inspect ", path,
                      "]");
  SafeTensors file = read_safetensors(path, {.require_checksums = true});
  Checkpoint out;
  about_file(path, [&] {
    parse_config(file.metadata["config"], "config", out.config);
    out.state = parse_json(file.metadata["state"], "state");
  });
  const std::pair<std::string, nn::NamedTensors*> parts[] = {
      {"model.", &out.model}, {"ema.", &out.ema}, {"optimizer.", &out.optimizer}, {"gate.", &out.first_gates}};
  for (auto& [name, tensor] : file.tensors) {
    bool known = false;
    for (const auto& [prefix, part] : parts)
      if (!known && name.rfind(prefix, 0) == 0) part->emplace_back(name.substr(prefix.size()), tensor), known = true;
    check<WeightsError>(known, path, ": holds a tensor that belongs nowhere: ", name);
  }
  check_finite(out.model, path), check_finite(out.ema, path);
  return out;
}

std::unique_ptr<moe::CamoXpert> make_model(const TrainConfig& c) {
  use_plain_attention(c.attention == moe::AttentionKind::plain);
  auto model = std::make_unique<moe::CamoXpert>(nn::Scope{.device = c.device, .seed = uint64_t(c.seed)},
                                                moe::CamoXpertConfig{.model = c.model,
                                                                     .backbone = c.backbone,
                                                                     .experts = c.experts,
                                                                     .pool = pool_of(c),
                                                                     .mixture = router_settings(c).mixture,
                                                                     .attention = c.attention,
                                                                     .pool_above = c.attention_pool,
                                                                     .drop_path = c.drop_path,
                                                                     .recompute = c.recompute,
                                                                     .image_height = c.size.height,
                                                                     .image_width = c.size.width});
  return model;
}

namespace {

/// "FILE: MODEL on BACKBONE, KIND, SIZE pixels"
std::string description(const std::string& path, const TrainConfig& c, const std::string& kind) {
  return text(path, ": ", c.model, " on ", c.backbone, ", ", kind, ", ", to_string(c.size), " pixels");
}

bool is_exported(SafeHeader header) { return header.metadata[kWeightsKey] == kWeightsFormat; }

/// Reads a file of `camo export`.
NetworkFile read_exported(const std::string& path) {
  SafeTensors file = read_safetensors(path);
  check<WeightsError>(file.metadata["part"] == "network", path, ": holds a ", file.metadata["part"],
                      ", not a whole network [camo train --weights]");
  const TrainConfig config = config_of(file.metadata, path);
  check_finite(file.tensors, path);
  return {path, description(path, config, "exported weights"), config, std::move(file.tensors)};
}

}  // namespace

bool holds_network(const std::string& given) {
  const SafeHeader header = read_tensors_header(weights_path(given));
  const auto has = [&](const char* key, const char* value) {
    const auto found = header.metadata.find(key);
    return found != header.metadata.end() && found->second == value;
  };
  return has("format", kFormat) || (has(kWeightsKey, kWeightsFormat) && has("part", "network"));
}

NetworkFile read_network(const std::string& given) {
  const std::string path = weights_path(given);
  if (is_exported(read_safetensors_header(path))) return read_exported(path);
  Checkpoint c = load_checkpoint(path);
  const bool averaged = !c.ema.empty();
  return {path,
          description(path, c.config,
                      text(averaged ? "averaged (EMA)" : "raw", " weights, epoch ", c.state.integer("epoch"))),
          c.config, averaged ? std::move(c.ema) : std::move(c.model), std::move(c.first_gates)};
}

TrainConfig network_config(const std::string& given) {
  const std::string path = weights_path(given);
  return config_of(read_safetensors_header(path).metadata, path);
}

TrainedNetwork load_model(const std::string& path, Device device) {
  NetworkFile file = read_network(path);
  file.config.device = device;
  TrainedNetwork out{file.config, make_model(file.config), file.described, std::move(file.first_gates)};
  about_file(file.path, [&] { return nn::load_state_dict(*out.model, std::move(file.weights)); });
  out.model->train(false);
  return out;
}

}  // namespace camo::program
