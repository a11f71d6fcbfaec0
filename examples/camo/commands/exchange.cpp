// camo import, camo export: weights from and to other programs.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "examples/camo/commands/commands.h"
#include "examples/camo/run/checkpoint.h"
#include "examples/camo/run/weights_file.h"

namespace camo::program {
namespace {

Option names_choice(std::string* names) {
  return choice("names", names, "of tensors: timm's (stages.0...), or its features_only models' (stages_0...)",
                {"timm", "features"});
}

void check_names(const char* command, const std::string& names, const std::string& part) {
  check<ConfigError>(names == "timm" || part == "backbone", "camo ", command,
                     " --names features: is for --part backbone");
}

void check_target(const char* command, const std::string& out, bool overwrite) {
  check<ConfigError>(!out.empty(), "camo ", command, ": needs --out");
  check<ConfigError>(overwrite || !std::filesystem::exists(out), "camo ", command, " --out: ", out,
                     " exists [--overwrite]");
}

/// A file of Camo's own says which network it holds; `given` wins, and says it for all others.
std::string import_network(const std::string& source, const std::string& out, TrainConfig& config, const Given& given,
                           const Command& command, bool partial, const ReadOptions& limits) {
  SafeTensors file = read_tensors(source, limits);
  if (file.metadata[kWeightsKey] == kWeightsFormat && file.metadata["part"] == "network") {
    config = config_of(file.metadata, source);
    given.apply(command);
  }
  check<ConfigError>(!config.backbone.empty(), "camo import: needs --backbone, ", source, " names no network");
  auto model = make_model(config);
  const nn::LoadReport report =
      about_file(source, [&] { return nn::load_state_dict(*model, std::move(file.tensors), !partial); });
  write_weights(out, *model, about_network(config));
  return report.text();
}

}  // namespace

int import_command(const Arguments& words) {
  std::string out, part = "backbone", names = "timm";
  TrainConfig config;
  config.backbone.clear();  // no default: it must be the one of SRC
  bool partial = false, overwrite = false;
  int64_t max_header = ReadOptions().max_header >> 20;
  Command command{
      .name = "import",
      .summary = "Turns weights of any accepted format and naming into one clean safetensors file in timm's names.",
      .usage = "camo import SRC --backbone NAME --out FILE [flags]",
      .options = {{"out", &out, "safetensors to write"},
                  choice("part", &part, "what SRC holds: a backbone, or a whole network on it",
                         {"backbone", "network"}),
                  names_choice(&names),
                  {"partial", &partial, "take what fits, and say what does not; the rest starts as in a new network"},
                  {"max-header", &max_header, "largest header of SRC that is read, in MiB", 1, 95},
                  {"overwrite", &overwrite, "replace FILE"}},
      .rest = "SRC",
      .notes =
          "--model and what follows describe the network that SRC holds; a file of camo export does so itself, and\n"
          "flags win."};
  const std::vector<std::string> shared = {"backbone", "model", "size", "experts", "chosen", "router", "attention"};
  for (Option& o : options(config))
    if (std::find(shared.begin(), shared.end(), o.name) != shared.end()) command.options.push_back(std::move(o));
  const Given given = read(command, words);
  check<ConfigError>(given.rest.size() == 1, "camo import: needs one SRC");
  check<ConfigError>(part == "network" || !config.backbone.empty(), "camo import: needs --backbone");
  check_names("import", names, part);
  check_target("import", out, overwrite);
  const std::string source = given.rest[0];
  const ReadOptions limits{.max_header = max_header << 20};
  if (part == "network") {
    const std::string report = import_network(source, out, config, given, command, partial, limits);
    return std::printf("%s: %s\n", out.c_str(), report.c_str()), 0;
  }
  auto net = nn::backbone(config.backbone, nn::Scope{.initialise = partial},
                          {.height = config.size.height, .width = config.size.width});
  nn::WeightsReport report = load_weights_file(*net, source, partial, limits);
  write_weights(out, *net, about_backbone(config.backbone), names == "features");
  std::printf("%s: %s\n", out.c_str(), report.text().c_str());
  return 0;
}

int export_command(const Arguments& words) {
  std::string weights, out, to = "safetensors", part = "network", names = "timm";
  bool overwrite = false;
  Command command{
      .name = "export",
      .summary = "Writes a trained network for other programs, in PyTorch's layout and names.",
      .usage = "camo export --weights RUN --to safetensors --out FILE [flags]",
      .options = {{"weights", &weights, "run folder or checkpoint; its averaged (EMA) weights where it has them"},
                  choice("to", &to, "format", {"safetensors"}),
                  {"out", &out, "file to write"},
                  choice("part", &part, "the whole network, or its backbone alone", {"network", "backbone"}),
                  names_choice(&names),
                  {"overwrite", &overwrite, "replace FILE"}},
      .notes = "In Python:  model.load_state_dict(safetensors.torch.load_file(FILE), strict=True)"};
  read(command, words);
  check<ConfigError>(!weights.empty(), "camo export: needs --weights");
  check_names("export", names, part);
  check_target("export", out, overwrite);
  Loaded loaded = load_model(weights, "cpu");
  if (part == "network") write_weights(out, *loaded.model, about_network(loaded.config));
  else write_weights(out, *loaded.model->backbone, about_backbone(loaded.config.backbone), names == "features");
  std::printf("%s: %s\n", out.c_str(), loaded.described.c_str());
  return 0;
}

}  // namespace camo::program
