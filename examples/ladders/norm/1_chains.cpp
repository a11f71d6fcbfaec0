// Rung 1, the definition: the mean, then the mean of the squares of what is left, then the row.
//
// Both sums are chains: each addition waits for the one before, 4 cycles, because the compiler may not change their order.
#include <cmath>

#include "examples/ladders/norm/norm.h"

namespace camo::ladder {

void norm_1_chains(const Norm& n) {
  for (int64_t r = 0; r < n.rows; ++r) {
    const float* x = n.x + r * n.C;
    float mean = 0, variance = 0;
    for (int64_t c = 0; c < n.C; ++c) mean += x[c];
    mean /= float(n.C);
    for (int64_t c = 0; c < n.C; ++c) variance += (x[c] - mean) * (x[c] - mean);
    const float scale = 1 / std::sqrt(variance / float(n.C) + kEps);
    for (int64_t c = 0; c < n.C; ++c) n.y[r * n.C + c] = (x[c] - mean) * scale * n.gain[c] + n.bias[c];
  }
}

}  // namespace camo::ladder
