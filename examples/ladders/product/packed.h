// What rungs 6 and 7 share: B packed into panels, and a block of rows times the panels.
#pragma once

#include <memory>

#include "examples/ladders/product/product.h"

namespace camo::ladder {

constexpr int64_t kStrip = kTileVecs * kLanes;  // columns of a panel

/// Panel j of B, columns [j kStrip, ...), in the order in which tiles read it: k by k.
inline std::unique_ptr<float[]> pack(const Product& p) {
  const int64_t panels = p.N / kStrip;
  std::unique_ptr<float[]> packed(new float[size_t(panels * kStrip * p.K)]);
  float* to = packed.get();
  for (int64_t j = 0; j < panels; ++j)
    for (int64_t k = 0; k < p.K; ++k, to += kStrip) std::copy_n(p.B + k * p.N + j * kStrip, kStrip, to);
  return packed;
}

/// Rows [begin, end) of C.
void product_block(const Product& p, const float* packed, int64_t begin, int64_t end);

}  // namespace camo::ladder
