// Rung 1: the definition, six loops.
//
// The innermost runs over channels, which are neighbours in x and in w.  But it is one chain of additions, each of which waits for
// the one before.
#include "examples/ladders/convolution/convolution.h"

namespace camo::ladder {

void convolution_1_loops(const Convolution& c) {
  for (int64_t i = 0; i < c.H; ++i)
    for (int64_t j = 0; j < c.W; ++j)
      for (int64_t o = 0; o < c.O; ++o) {
        float sum = 0;
        for (int64_t u = 0; u < 3; ++u)
          for (int64_t v = 0; v < 3; ++v)
            if (const float* x = c.pixel(i + u - 1, j + v - 1))
              for (int64_t k = 0; k < c.C; ++k) sum += x[k] * c.w[((o * 3 + u) * 3 + v) * c.C + k];
        c.y[(i * c.W + j) * c.O + o] = sum;
      }
}

}  // namespace camo::ladder
