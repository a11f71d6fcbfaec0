// An exact Euclidean distance transform that also returns, for every pixel, the nearest pixel of the mask.
//
// Two passes, linear in the number of pixels: first the nearest row within each column, then along each row the lower
// envelope of one parabola per column.  The arithmetic is in integers, so ties are exact: of equally near pixels the
// one in the smallest column is returned, and of those the one in the smallest row.  (Weighted F uses the error at that
// pixel, so the choice changes its fifth decimal.)
// Source: Meijster, Roerdink, Hesselink 2000, "A general algorithm for computing distance transforms in linear time".
#pragma once

#include <cstdint>
#include <vector>

namespace camo::program {

struct Nearest {
  std::vector<int32_t> row, column;  // H * W numbers each
};

/// inside: H * W numbers, nonzero in the mask.  The mask must not be empty.
Nearest nearest_inside(const uint8_t* inside, int64_t height, int64_t width);

}  // namespace camo::program
