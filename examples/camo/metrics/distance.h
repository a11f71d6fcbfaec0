// The nearest pixel of the mask, for every pixel: an exact Euclidean distance transform that knows its sites.
//
// Two passes, linear in the pixels: the nearest row within each column, then along each row the lower envelope of
// one parabola a column.  All in whole numbers, so that ties are ties: of equally near pixels the one in the
// smallest column counts, and of those in the smallest row.  (Weighted F takes the error at that pixel, so the
// choice shows in its fifth decimal.)
// Source: Meijster, Roerdink, Hesselink 2000, "A general algorithm for computing distance transforms in linear time".
#pragma once

#include <cstdint>
#include <vector>

namespace camo::program {

struct Nearest {
  std::vector<int32_t> row, column;  // H * W each
};

/// inside: H * W, not 0 in the mask, which must not be empty.
Nearest nearest_inside(const uint8_t* inside, int64_t height, int64_t width);

}  // namespace camo::program
