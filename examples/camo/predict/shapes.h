// From a map to the shape of the object in it: mask, area, box, contours, and how certain the map is.
//
// A pixel belongs to the object if p = v / 255 > threshold.  The measures of metrics/ stretch p to [0, 1] by its own
// minimum and maximum first, as published results do; here a map that is dark everywhere has no object. All numbers are
// sums of integers, so they are the same on every machine. Read next: contours.h, rle.h, formats.h.
#pragma once

#include "examples/camo/predict/contours.h"

namespace camo::program {

/// Columns [x, x + width), rows [y, y + height).
struct Box {
  int64_t x = 0, y = 0, width = 0, height = 0;
  bool operator==(const Box&) const = default;
};

struct FoundObject {
  Tensor mask;  // u8 (H, W, 1): 255 in the object, else 0
  double threshold = 0.5;
  int64_t area = 0;             // pixels of the object
  Box box{};                    // the smallest around it; all zeros without an object
  std::vector<Polygon> parts;   // its connected parts
  double mean_probability = 0;  // mean of p over the object; 0 without one
  double uncertainty = 0;       // mean of 4 p (1 - p) over the picture: 0 if every p is 0 or 1, 1 if every p is 1/2
};

/// map: u8 (H, W, 1) -> u8 (H, W, 1), 255 where map / 255 > threshold, else 0.
/// Throws DTypeError, ShapeError; ConfigError unless 0 <= threshold < 1.
Tensor object_mask(const Tensor& map, double threshold = 0.5);

/// The same, and what follows from it.
FoundObject find_object(const Tensor& map, double threshold = 0.5);

/// The number of pixels in a mask u8 (H, W, 1) that are not 0, and the smallest box around them.
int64_t mask_area(const Tensor& mask);
Box mask_box(const Tensor& mask);

}  // namespace camo::program
