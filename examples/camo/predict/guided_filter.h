// Refines a predicted map by the guided filter: within a window the map becomes a linear function of the photograph.
//
//   a, b = argmin over the window of  sum (a . I_i + b - p_i)^2 + epsilon |a|^2        for every window, I in [0, 1]^3
//   q_i  = mean of a over the windows that hold i, times I_i, + mean of b
//
// So the map gets edges where the photograph has edges, and stays smooth elsewhere.  A window is 2 radius + 1 pixels a
// side and ends at the border: every mean is over the pixels that exist.
//
// Source: He, Sun, Tang 2010, "Guided image filtering", ECCV, equations 14 to 16; longer in PAMI 2013.
#pragma once

#include "tensor/tensor.h"

namespace camo::program {

struct GuidedFilterSettings {
  int64_t radius = 8;     // in pixels
  double epsilon = 1e-3;  // variance of a colour, of channels from 0 to 1, that counts as an edge
};

/// photograph u8 (H, W, 3), map f32 (H, W, 1) or (H, W) -> f32 of the map's shape, clamped to [0, 1].  Box sums and the
/// 3 x 3 systems are in f64.  Throws ShapeError or DTypeError for shapes and types, DataError for a number of the map
/// outside [0, 1], ConfigError for a radius under 1 or an epsilon that is not above 0.
Tensor guided_filter(const Tensor& photograph, const Tensor& map, const GuidedFilterSettings& settings = {});

}  // namespace camo::program
