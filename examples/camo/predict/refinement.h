// What is done to a predicted map after the networks: nothing, a CRF, or the guided filter.
#pragma once

#include <string>

#include "examples/camo/options/options.h"
#include "examples/camo/predict/crf.h"
#include "examples/camo/predict/guided_filter.h"

namespace camo::program {

enum class RefineBy { off, crf, guided };
constexpr auto names_of(RefineBy) { return std::array{"off", "crf", "guided"}; }

struct Refinement {
  RefineBy by = RefineBy::off;
  int64_t side = 512;  // photograph and map are refined with at most this many pixels on their longer side
  CrfSettings crf = {};
  GuidedFilterSettings guided = {};
};

/// "off", "crf", "guided", each with settings: "crf,iterations=5,alpha=60".  ConfigError names the flag and the key.
Refinement parse_refinement(const std::string& words);
/// All settings that count; parse_refinement gives them back.
std::string to_text(const Refinement& refinement);

/// The size at which a picture of `size` is refined.
ImageSize size_of(const Refinement& refinement, ImageSize size);

/// What is refined: photograph u8 (h, w, 3) and map f32 (h, w, 1) in [0, 1], of size_of(refinement, size).
struct ToRefine {
  Tensor photograph, map;
};
ToRefine to_refine(const Refinement& refinement, const Tensor& photograph, const Tensor& p, ImageSize size);

/// photograph u8 (H, W, 3), p f32 (1, h, w, 1) in [0, 1] -> f32 (1, h', w', 1) of size_of(refinement, size).
/// `size` of the map that is wanted in the end.
Tensor refined(const Refinement& refinement, const Tensor& photograph, const Tensor& p, ImageSize size);

}  // namespace camo::program
