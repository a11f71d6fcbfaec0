// The ladder of attention: one head, forward.  Y = softmax(Q K^T / sqrt(D)) V, all (N, D), f32, row-major.
//
// 4 N^2 D flops and N^2 exponentials on 16 N D bytes.  What the rungs fight over is the matrix of scores between the two
// products: at N = 7744 it has 240 MB, and nobody asked for it.
#pragma once

#include <cstdint>

#include "tensor/cpu/vec.h"

namespace camo::ladder {

struct Attention {
  int64_t N, D;
  const float *Q, *K, *V;
  float* Y;
};

void attention_1_matrix(const Attention& a);
void attention_2_online(const Attention& a);
void attention_3_tiles(const Attention& a);
void attention_4_registers(const Attention& a);
void attention_5_threads(const Attention& a);

}  // namespace camo::ladder
