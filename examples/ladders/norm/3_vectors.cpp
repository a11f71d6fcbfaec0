// Rung 3: whole vectors, the row's tail among them, and rows that help each other.
//
// A tail of C mod 16 numbers goes through a masked vector instead of a loop of its own.  And the sums of the lanes, which wait for one
// another, are taken for four rows at a time, so that one row's waiting is filled by the others.
#include <algorithm>
#include <cmath>

#include "examples/ladders/norm/norm.h"
#include "tensor/cpu/kernels/rows.h"

namespace camo::ladder {

void norm_rows(const Norm& n, int64_t begin, int64_t end) {
  using V = Vec<float>;
  constexpr int64_t kRows = 4;
  for (int64_t r = begin; r < end; r += kRows) {
    const int64_t rows = std::min(kRows, end - r);
    float mean[kRows], scale[kRows];
    for (int64_t i = 0; i < rows; ++i) {
      const float* x = n.x + (r + i) * n.C;
      mean[i] = kernel::row_sum<float>(n.C, [&](int64_t c, auto lanes) { return kernel::load<float>(x + c, lanes); });
      mean[i] /= float(n.C);
    }
    for (int64_t i = 0; i < rows; ++i) {
      const float* x = n.x + (r + i) * n.C;
      const V m(mean[i]);
      const float squares = kernel::row_sum<float>(n.C, [&](int64_t c, auto lanes) {
        const V d = kernel::load<float>(x + c, lanes) - m;
        return d * d;
      });
      scale[i] = 1 / std::sqrt(squares / float(n.C) + kEps);
    }
    for (int64_t i = 0; i < rows; ++i)
      kernel::each_vec<float>(n.C, [&, m = V(mean[i]), s = V(scale[i])](int64_t c, auto lanes) {
        const V x = kernel::load<float>(n.x + (r + i) * n.C + c, lanes);
        const V y = (x - m) * s * kernel::load<float>(n.gain + c, lanes) + kernel::load<float>(n.bias + c, lanes);
        kernel::store(y, n.y + (r + i) * n.C + c, lanes);
      });
  }
}

void norm_3_vectors(const Norm& n) { norm_rows(n, 0, n.rows); }

}  // namespace camo::ladder
