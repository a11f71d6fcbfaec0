// The ladder of depthwise convolution, forward: a 7 x 7 filter for each channel, zeros beyond the image:
// x (H, W, C), w (7, 7, C) -> y (H, W, C), all f32.
//
// 98 flops for 8 bytes that must move: memory is not the bound, but there is no product to lean on either.  A number of x is used by 49
// outputs of its channel and no other.
#pragma once

#include <cstdint>

#include "tensor/cpu/vec.h"

namespace camo::ladder {

constexpr int64_t kSide = 7, kHalf = kSide / 2;

struct Depthwise {
  int64_t H, W, C;
  const float *x, *w;
  float* y;
};

void depthwise_1_planes(const Depthwise& d);
void depthwise_2_channels(const Depthwise& d);
void depthwise_3_registers(const Depthwise& d);
void depthwise_4_strips(const Depthwise& d);
void depthwise_5_threads(const Depthwise& d);

/// Row i of y, as rung 4 computes it.
void depthwise_row(const Depthwise& d, int64_t i);

}  // namespace camo::ladder
