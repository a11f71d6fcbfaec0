// The ladder of convolution, forward: 3 x 3, stride 1, zeros beyond the image: x (H, W, C), w (O, 3, 3, C) -> y (H, W, O), all f32.
//
// 18 H W C O flops by the definition.  From rung 2 on the work is matrix products, those of the ladder `product`.
#pragma once

#include "examples/ladders/product/packed.h"

namespace camo::ladder {

struct Convolution {
  int64_t H, W, C, O;
  const float *x, *w;
  float* y;
  /// The C numbers of a pixel, or null beyond the image.
  const float* pixel(int64_t i, int64_t j) const {
    return i < 0 || j < 0 || i >= H || j >= W ? nullptr : x + (i * W + j) * C;
  }
};

void convolution_1_loops(const Convolution& c);
void convolution_2_im2col(const Convolution& c);
void convolution_3_runs(const Convolution& c);
void convolution_4_winograd(const Convolution& c);
void convolution_5_threads(const Convolution& c);

/// The weights as the right operand of a product: (9 C, O), row (tap, channel).
struct Turned {
  Scratch<float> numbers;
  explicit Turned(const Convolution& c) : numbers(9 * c.C * c.O) {
    for (int64_t o = 0; o < c.O; ++o)
      for (int64_t k = 0; k < 9 * c.C; ++k) numbers[k * c.O + o] = c.w[o * 9 * c.C + k];
  }
};

// ---- rungs 4 and 5 -----------------------------------------------------------------------------------------------

/// The transformed weights: 36 places of (C, O), as they are and packed for product_block.
struct WinogradWeights {
  Scratch<float> plain, packed;
  int64_t packed_size;
  explicit WinogradWeights(const Convolution& c);
};
inline int64_t winograd_tiles(const Convolution& c) { return (c.H + 3) / 4 * ((c.W + 3) / 4); }
/// The outputs of tiles [begin, end), 4 x 4 outputs each, row by row.
void winograd(const Convolution& c, const WinogradWeights& weights, int64_t begin, int64_t end);

}  // namespace camo::ladder
