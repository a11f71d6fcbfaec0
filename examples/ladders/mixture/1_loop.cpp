// Rung 1: the definition, one row and one expert at a time.
//
// A product with one row reads each number of the matrix for one multiply-add: the expert's 64 KB for 33 thousand flops.
#include "examples/ladders/mixture/mixture.h"

namespace camo::ladder {

Tensor mixture_1_loop(const Mixture& m) {
  Tensor y = zeros(m.x.shape());
  const int64_t C = m.x.dim(1);
  float* to = y.write<float>();
  for (int64_t r = 0; r < m.R(); ++r)
    for (int64_t i = r * m.K(); i < (r + 1) * m.K(); ++i) {
      const Tensor one = m.expert_of(m.expert.read<int64_t>()[i], m.x.slice(r, r + 1));
      for (int64_t c = 0; c < C; ++c) to[r * C + c] += m.weight.read<float>()[i] * one.read<float>()[c];
    }
  return y;
}

}  // namespace camo::ladder
