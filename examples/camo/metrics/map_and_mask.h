// A predicted map and its mask, as all measures of metrics.h use them.
//
//   truth       G = mask > 128
//   prediction  p = v / 255, stretched to [0, 1] by its own minimum and maximum; a constant map stays
//
// A pixel matters only by its grey level, its side of the mask and, for S and weighted F, its position.  So p
// is a table of 256 values, and most measures are sums over two histograms.  The table is computed in the order
// of operations above: q = floor(255 p) depends on it, and another order would round some values to the other
// side of an integer.
#pragma once

#include <array>

#include "tensor/tensor.h"

namespace camo::program {

constexpr double kEps = 0x1p-52;  // the usual eps: the spacing of f64 at 1

using Histogram = std::array<int64_t, 256>;

struct GreyPair {
  /// map, mask: u8 (H, W, 1) or (H, W), equal in size, not empty.  Throws ShapeError, DTypeError.
  GreyPair(const Tensor& map, const Tensor& mask);

  bool truth(int64_t i) const { return mask[i] > 128; }
  double p(int64_t i) const { return value[map[i]]; }
  /// Mean of p over all pixels.
  double mean() const;

  int64_t height, width, pixels;
  const uint8_t *map, *mask;       // data of the tensors, which must outlive this object
  std::array<Histogram, 2> count;  // pixels of each grey level outside and inside G
  int64_t foreground = 0;          // pixels in G
  int low = 0, high = 255;         // grey levels of the map
  std::array<double, 256> value;   // p of each grey level in [low, high], 0 elsewhere
};

}  // namespace camo::program
