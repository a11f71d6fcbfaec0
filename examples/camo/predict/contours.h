// Contours of a mask along the edges of its pixels.
//
// A corner (x, y) is a place between pixels: pixel (column x, row y) has the corners (x, y) and (x + 1, y + 1) and two
// more.  So corners are integers, x in [0, W] to the right, y in [0, H] downward, and areas are exact: the areas of all
// rings sum to the number of pixels.
//
// Pixels are connected through their sides.  Two that touch only at a corner have different rings there, so no ring
// visits a corner twice; a hole may touch its outer ring, or another hole, at a corner.  These are valid polygons (OGC
// 06-103r4).
//
// The order of corners is that of GeoJSON (RFC 7946, 3.1.6) for the numbers as they stand: the area of an outer ring
// (sum of x_i y_i+1 - x_i+1 y_i, halved) is positive, that of a hole negative, whatever the axes mean.  Every program
// that reads polygons decides by these numbers.  On a screen, where y points down, an outer ring therefore runs
// clockwise.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace camo::program {

struct Corner {
  int64_t x = 0, y = 0;
  bool operator==(const Corner&) const = default;
};
/// Corners where the direction turns, from the topmost (of these the leftmost) on.  The first one is not repeated at
/// the end.
using Ring = std::vector<Corner>;
/// The outer ring of a connected part, then its holes.
using Polygon = std::vector<Ring>;

/// The connected parts of a mask u8 (H, W, 1), in the order of their first pixels, row by row; values that are not 0
/// are the object.  Throws ShapeError, DTypeError.
std::vector<Polygon> contours(const Tensor& mask);

/// The area within a ring, negative for a hole.
int64_t ring_area(const Ring& ring);

/// Throws unless x is u8 (H, W, 1).
void check_plane(const char* op, const Tensor& x);

}  // namespace camo::program
