// The normalisation of photographs as a text: in flags, configurations and the metadata of weight files.
#pragma once

#include <string>

#include "tensor/ops/augment.h"

namespace camo::program {

/// "imagenet", "lite" (of EfficientNet-Lite), or "M,M,M/D,D,D": mean and deviation of red, green and blue in [0, 1].
/// "" is ImageNet's: configurations from before there was a choice have none.  ConfigError for any other text, and
/// for a deviation that is not positive.
Normalisation parse_normalisation(const std::string& words);
/// The shortest of these texts; parse_normalisation gives the same bits back.
std::string to_text(const Normalisation& normalisation);

/// The same as JSON, {"mean": [...], "deviation": [...]}, in the metadata of weight files.  WeightsError if the text
/// does not have this form.
std::string normalisation_json(const Normalisation& normalisation);
Normalisation parse_normalisation_json(const std::string& json);

}  // namespace camo::program
