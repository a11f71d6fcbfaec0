// camo import: converts weights of other programs to a clean safetensors file.
#include <cstdio>

#include "examples/camo/commands/commands.h"
#include "examples/camo/trained/checkpoint.h"
#include "examples/camo/trained/weights_file.h"
#include "examples/camo/trained/weights_target.h"

namespace camo::program {
namespace {

/// A file from camo export says which network it holds.  Flags override that, and describe any other file.
std::string import_network(const std::string& source, const std::string& out, TrainConfig& config,
                           const CommandLine& line, const Command& command, bool partial, const ReadOptions& limits) {
  SafeTensors file = read_tensors(source, limits);
  if (file.metadata[kWeightsKey] == kWeightsFormat && file.metadata["part"] == name_of(Part::network)) {
    config = config_of(file.metadata, source);
    line.apply(command);
  } else {
    check<ConfigError>(!config.backbone.empty(), "camo import: needs --backbone, ", source, " names no network");
    config.normalisation = to_text(about_file(source, [&] { return expected_normalisation(config, file.metadata); }));
  }
  auto model = make_model(config);
  const nn::LoadReport report =
      about_file(source, [&] { return nn::load_state_dict(*model, std::move(file.tensors), !partial); });
  write_weights(out, *model, about_network(config));
  return report.text();
}

}  // namespace

int import_command(const Arguments& words) {
  WeightsTarget target;
  TrainConfig config;
  config.backbone.clear();  // no default: it must be the backbone of SRC
  bool partial = false;
  int64_t max_header = ReadOptions().max_header >> 20;
  Command command{
      .name = "import",
      .summary =
          "Converts the weights of a backbone or a network from any format that Camo reads, with any of the "
          "usual names, into one safetensors file with timm's names.",
      .usage = "camo import SRC --backbone NAME --out FILE [flags]",
      .options = options(target),
      .rest = "SRC",
      .notes =
          "--model and the flags below it describe the network in SRC.  A file of camo export describes itself; "
          "flags win over it."};
  command.options
      .add({{"partial", &partial, "load the tensors that fit and report the others, which keep their initial values"},
            {"max-header", &max_header, "largest header of SRC that is read, in MiB", 1, 95}})
      .add(options(config).only(
          {"backbone", "model", "size", "experts", "pool", "chosen", "router", "attention", "normalisation"}));
  const CommandLine line = read(command, words);
  check<ConfigError>(line.rest.size() == 1, "camo import: needs one SRC");
  check<ConfigError>(target.part == Part::network || !config.backbone.empty(), "camo import: needs --backbone");
  validate(target, "import");
  const std::string source = line.rest[0];
  const ReadOptions limits{.max_header = max_header << 20};
  std::string report;
  if (target.part == Part::network) {
    report = import_network(source, target.file, config, line, command, partial, limits);
  } else {
    auto net = nn::backbone(config.backbone, nn::Scope{.initialise = partial},
                            {.height = config.size.height, .width = config.size.width});
    report = load_weights_file(*net, source, partial, limits).text();
    const Metadata about = read_tensors_header(weights_path(source), limits).metadata;
    const Normalisation expected = about_file(source, [&] { return expected_normalisation(config, about); });
    write_weights(target.file, *net, about_backbone(config.backbone, expected), target.names == TensorNames::features);
  }
  std::printf("%s: %s\n", target.file.c_str(), report.c_str());
  return 0;
}

}  // namespace camo::program
