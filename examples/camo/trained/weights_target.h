// The weight file that camo import and camo export write: its flags and their rules.
#pragma once

#include "examples/camo/options/options.h"

namespace camo::program {

/// The content of a weight file: a backbone, or a whole network.
enum class Part { backbone, network };
constexpr auto names_of(Part) { return std::array{"backbone", "network"}; }

/// Names of a backbone's tensors in timm: stages.0... in its models, stages_0... in its features_only models.
enum class TensorNames { timm, features };
constexpr auto names_of(TensorNames) { return std::array{"timm", "features"}; }

struct WeightsTarget {
  std::string file;
  Part part = Part::backbone;
  TensorNames names = TensorNames::timm;
  bool overwrite = false;
};

/// The options --out, --part, --names, --overwrite.
Options options(WeightsTarget& target);
/// ConfigError if the file is not named or must not be replaced, or if the names do not fit the part.
void validate(const WeightsTarget& target, const std::string& command);
/// The same for a target that is a folder with a whole network.
void validate_folder(const WeightsTarget& target, const std::string& command);

}  // namespace camo::program
