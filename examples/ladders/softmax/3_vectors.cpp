// Rung 3: sixteen exponentials at once.
//
// e^x = 2^n e^r with a whole n and |r| <= log(2)/2: a polynomial of degree 7 in r, and n added to the exponent's bits (tensor/scalar/math.h).
// It has no branch and no table, so it is the same code for one number and for a vector.
#include "examples/ladders/softmax/softmax.h"
#include "tensor/cpu/kernels/rows.h"
#include "tensor/scalar/math.h"

namespace camo::ladder {

void softmax_rows(const Softmax& s, int64_t begin, int64_t end) {
  using V = Vec<float>;
  for (int64_t r = begin; r < end; ++r) {
    const float* x = s.x + r * s.C;
    float* y = s.y + r * s.C;
    const V top(kernel::row_max<float>(x, s.C));
    const float sum = kernel::row_sum<float>(s.C, [&](int64_t c, auto lanes) {
      const V e = camo::exp(kernel::load<float>(x + c, lanes) - top);
      kernel::store(e, y + c, lanes);
      return e;
    });
    const V scale(1 / sum);
    kernel::each_vec<float>(
        s.C, [&](int64_t c, auto lanes) { kernel::store(kernel::load<float>(y + c, lanes) * scale, y + c, lanes); });
  }
}

void softmax_3_vectors(const Softmax& s) { softmax_rows(s, 0, s.rows); }

}  // namespace camo::ladder
