// Pictures of the routing: the use of experts over time, the experts by groups of images, and the experts' outputs for
// one photograph.
#pragma once

#include <optional>

#include "examples/camo/draw/svg.h"
#include "examples/camo/options/json.h"
#include "examples/camo/options/options.h"
#include "moe/camoxpert.h"
#include "moe/verify/survey.h"

namespace camo::program {

/// Titles and expert names of one mixture.
struct ScaleNames {
  std::string title;  // "H/4"
  std::vector<std::string> experts;
};
std::vector<ScaleNames> scale_names(nn::Module& network);

/// The share of each expert in every epoch, one panel per scale, from the lines of metrics.jsonl.  Nothing if
/// they have no load.
std::optional<Svg> draw_usage(const std::vector<JsonObject>& metrics, const std::vector<ScaleNames>& scales);

/// For each scale, a table of experts (columns) by groups of images (rows): the share of a group's choices
/// that an expert gets.
Svg draw_groups(const moe::Survey& survey);

/// For one photograph u8 (H, W, 3), at the network's input size, a block for each scale.  First the chosen experts: bars
/// of the weights, or with routing by tile or pixel a map of the first choices.  Then the output of each expert, chosen
/// or not: the norm of f(x) over channels at every pixel of the scale's map, with one colour scale per block.  Uses
/// evaluation mode.
/// `forward` passes an image (1, H, W, 3) through the network.
Svg draw_responses(nn::Module& network, const std::function<void(const Var& image)>& forward, const Tensor& photograph,
                   ImageSize size, const Normalisation& normalisation = {});
inline Svg draw_responses(moe::CamoXpert& model, const Tensor& photograph, ImageSize size,
                          const Normalisation& normalisation = {}) {
  return draw_responses(
      model, [&](const Var& image) { model.forward(image); }, photograph, size, normalisation);
}

}  // namespace camo::program
