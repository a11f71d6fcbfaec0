#include "examples/camo/trained/weights_target.h"

#include <filesystem>

#include "examples/camo/options/files.h"
#include "tensor/error.h"

namespace camo::program {

Options options(WeightsTarget& target) {
  return {{"out", &target.file, "file or folder to write"},
          choice("part", &target.part, "the backbone alone, or the whole network"),
          choice("names", &target.names,
                 "names of tensors: timm's (stages.0...), or its features_only models' (stages_0...)"),
          {"overwrite", &target.overwrite, "replace the file or folder if it exists"}};
}

namespace {
void validate_path(const WeightsTarget& target, const std::string& command) {
  check<ConfigError>(!target.file.empty(), "camo ", command, ": needs --out");
  check<ConfigError>(target.overwrite || !std::filesystem::exists(target.file), "camo ", command,
                     " --out: ", target.file, " exists [--overwrite]");
}
}  // namespace

void validate(const WeightsTarget& target, const std::string& command) {
  check<ConfigError>(target.names == TensorNames::timm || target.part == Part::backbone, "camo ", command,
                     " --names features: is for --part backbone");
  validate_path(target, command);
  check_writable(target.file, text("camo ", command, " --out"));
}

void validate_folder(const WeightsTarget& target, const std::string& command) {
  check<ConfigError>(target.part == Part::network && target.names == TensorNames::timm, "camo ", command,
                     " --part, --names: a folder holds the whole network, with its own names");
  validate_path(target, command);
  check<ConfigError>(!std::filesystem::exists(target.file) || std::filesystem::is_directory(target.file), "camo ",
                     command, " --out: ", target.file, " is a file, expects a folder");
}

}  // namespace camo::program
