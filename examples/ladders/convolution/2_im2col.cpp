// Rung 2: the windows become the rows of a matrix, and the convolution a product (rung 6 of that ladder).
//
// The matrix has nine numbers for each number of the image.  It is written and read back: that is what the next rung saves.
#include <algorithm>

#include "examples/ladders/convolution/convolution.h"

namespace camo::ladder {

void convolution_2_im2col(const Convolution& c) {
  const int64_t window = 9 * c.C;
  const Scratch<float> windows(c.H * c.W * window);
  float* to = windows;
  for (int64_t i = 0; i < c.H; ++i)
    for (int64_t j = 0; j < c.W; ++j)
      for (int64_t tap = 0; tap < 9; ++tap, to += c.C) {
        if (const float* x = c.pixel(i + tap / 3 - 1, j + tap % 3 - 1)) std::copy_n(x, c.C, to);
        else std::fill_n(to, c.C, 0.0f);
      }
  const Turned weights(c);
  product_6_packed({c.H * c.W, c.O, window, windows, weights.numbers, c.y});
}

}  // namespace camo::ladder
