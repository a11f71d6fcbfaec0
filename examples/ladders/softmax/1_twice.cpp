// Rung 1: the definition in three passes over a row: the largest, the sum, the result.  Each exponential is computed twice.
#include <algorithm>
#include <cmath>

#include "examples/ladders/softmax/softmax.h"

namespace camo::ladder {

void softmax_1_twice(const Softmax& s) {
  for (int64_t r = 0; r < s.rows; ++r) {
    const float *x = s.x + r * s.C, top = *std::max_element(x, x + s.C);
    float sum = 0;
    for (int64_t c = 0; c < s.C; ++c) sum += std::exp(x[c] - top);
    for (int64_t c = 0; c < s.C; ++c) s.y[r * s.C + c] = std::exp(x[c] - top) / sum;
  }
}

}  // namespace camo::ladder
