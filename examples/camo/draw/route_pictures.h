// Pictures of the routing: who is used over time, which group of images goes where, what each expert answers
// to one photograph.  All return u8 (H, W, 3).
#pragma once

#include "examples/camo/options/json.h"
#include "examples/camo/options/options.h"
#include "moe/camoxpert.h"
#include "moe/verify/survey.h"

namespace camo::program {

/// One mixture of a network, in words.
struct ScaleNames {
  std::string title;  // "H/4"
  std::vector<std::string> experts;
};
std::vector<ScaleNames> scale_names(nn::Module& network);

/// Share of each expert in every epoch, one panel a scale, from the lines of metrics.jsonl.  Undefined when
/// they hold no load.
Tensor draw_usage(const std::vector<JsonObject>& metrics, const std::vector<ScaleNames>& scales);

/// For each scale, experts (columns) by groups of images (rows): which share of a group's choices an expert
/// gets.
Tensor draw_groups(const moe::Survey& survey);

/// One photograph u8 (H, W, 3), at the size that the network sees it: a row for each scale.  First who is
/// chosen: bars of the weights, or where tiles or pixels are routed the map of the first choices.  Then each
/// expert's answer, whether chosen or not: the norm of f(x) over channels at every pixel, one colour scale a
/// row.  In evaluation mode.  forward passes an image (1, H, W, 3) through the network.
Tensor draw_responses(nn::Module& network, const std::function<void(const Var& image)>& forward,
                      const Tensor& photograph, ImageSize size);
inline Tensor draw_responses(moe::CamoXpert& model, const Tensor& photograph, ImageSize size) {
  return draw_responses(
      model, [&](const Var& image) { model.forward(image); }, photograph, size);
}

}  // namespace camo::program
