#include "examples/camo/commands/weights_target.h"

#include <filesystem>

#include "examples/camo/options/files.h"
#include "tensor/error.h"

namespace camo::program {

Options options(WeightsTarget& target) {
  return {{"out", &target.file, "file to write"},
          choice("part", &target.part, "the backbone alone, or the whole network"),
          choice("names", &target.names,
                 "names of tensors: timm's (stages.0...), or its features_only models' (stages_0...)"),
          {"overwrite", &target.overwrite, "replace the file if it exists"}};
}

void validate(const WeightsTarget& target, const std::string& command) {
  check<ConfigError>(target.names == TensorNames::timm || target.part == Part::backbone, "camo ", command,
                     " --names features: is for --part backbone");
  check<ConfigError>(!target.file.empty(), "camo ", command, ": needs --out");
  check<ConfigError>(target.overwrite || !std::filesystem::exists(target.file), "camo ", command,
                     " --out: ", target.file, " exists [--overwrite]");
  check_writable(target.file, text("camo ", command, " --out"));
}

}  // namespace camo::program
