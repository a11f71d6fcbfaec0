// What rungs 6 and 7 share: B packed into panels, and a block of rows times the panels.
#pragma once

#include <algorithm>

#include "examples/ladders/product/product.h"
#include "tensor/memory/scratch.h"

namespace camo::ladder {

constexpr int64_t kStrip = kTileVecs * kLanes;  // columns of a panel

/// Panels of B, in the order in which tiles read them: panel j has columns [j kStrip, ...), k by k.  The memory is Camo's own:
/// fresh pages from the system would cost as much as the copy.
struct Packed {
  Scratch<float> numbers;
  explicit Packed(const Product& p) : numbers(p.N / kStrip * kStrip * p.K) {
    float* to = numbers;
    for (int64_t j = 0; j < p.N / kStrip; ++j)
      for (int64_t k = 0; k < p.K; ++k, to += kStrip) std::copy_n(p.B + k * p.N + j * kStrip, kStrip, to);
  }
};

/// Rows [begin, end) of C.
void product_block(const Product& p, const float* packed, int64_t begin, int64_t end);

}  // namespace camo::ladder
