// The ladder of layer norm, forward: each row of C numbers minus its mean, over its standard deviation, times gain, plus bias.
//
// It reads and writes every number once: 8 bytes each, for about 8 operations.  So memory is the bound, and the share of the speed
// of a copy is what counts.
#pragma once

#include <cstdint>

#include "tensor/cpu/vec.h"

namespace camo::ladder {

struct Norm {
  int64_t rows, C;
  const float *x, *gain, *bias;
  float* y;
};

constexpr float kEps = 1e-6f;

void norm_1_chains(const Norm& n);
void norm_2_lanes(const Norm& n);
void norm_3_vectors(const Norm& n);
void norm_4_threads(const Norm& n);

/// Rows [begin, end) as rung 3 computes them.
void norm_rows(const Norm& n, int64_t begin, int64_t end);

}  // namespace camo::ladder
