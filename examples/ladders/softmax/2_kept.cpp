// Rung 2: each exponential once.  It waits in y, which is in the first cache, until the sum is known; then one division a row.
#include <algorithm>
#include <cmath>

#include "examples/ladders/softmax/softmax.h"

namespace camo::ladder {

void softmax_2_kept(const Softmax& s) {
  for (int64_t r = 0; r < s.rows; ++r) {
    const float *x = s.x + r * s.C, top = *std::max_element(x, x + s.C);
    float *y = s.y + r * s.C, sum = 0;
    for (int64_t c = 0; c < s.C; ++c) sum += y[c] = std::exp(x[c] - top);
    const float scale = 1 / sum;
    for (int64_t c = 0; c < s.C; ++c) y[c] *= scale;
  }
}

}  // namespace camo::ladder
