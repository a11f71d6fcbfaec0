// What the functions of this folder take: a photograph, and the map of probabilities that a network predicts for it.
#pragma once

#include "tensor/tensor.h"

namespace camo::program {

/// Throws DTypeError or ShapeError unless the photograph is u8 (H, W, 3) with at least one pixel.  `op` begins the text.
void check_photograph(const char* op, const Tensor& photograph);

/// Throws DTypeError or ShapeError unless the map is f32 (height, width, 1) or (height, width); DataError for a number
/// that is NaN or outside [0, 1].
void check_map(const char* op, const Tensor& map, int64_t height, int64_t width);

}  // namespace camo::program
