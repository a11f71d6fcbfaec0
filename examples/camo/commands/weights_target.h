// The weight file that camo import and camo export write: its flags, and what must hold of them.
#pragma once

#include "examples/camo/options/options.h"

namespace camo::program {

/// What a weight file holds: a backbone, or a whole network on it.
enum class Part { backbone, network };
constexpr auto names_of(Part) { return std::array{"backbone", "network"}; }

/// How timm names the tensors of a backbone: stages.0... in its models, stages_0... in its features_only models.
enum class TensorNames { timm, features };
constexpr auto names_of(TensorNames) { return std::array{"timm", "features"}; }

struct WeightsTarget {
  std::string file;
  Part part = Part::backbone;
  TensorNames names = TensorNames::timm;
  bool overwrite = false;
};

/// --out, --part, --names, --overwrite
Options options(WeightsTarget& target);
/// ConfigError when the file is not named or may not be replaced, and when the names do not go with the part.
void validate(const WeightsTarget& target, const std::string& command);

}  // namespace camo::program
