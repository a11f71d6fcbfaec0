// Rung 2: every expert computes every row, and what was not asked for counts with weight 0.
//
// E / K times the work, in products large enough to run at their full speed.  Many implementations stop here.
#include "examples/ladders/mixture/mixture.h"

namespace camo::ladder {

Tensor mixture_2_all(const Mixture& m) {
  Tensor y = zeros(m.x.shape());
  const int64_t C = m.x.dim(1);
  float* to = y.write<float>();
  for (int64_t e = 0; e < m.E(); ++e) {
    const Tensor all = m.expert_of(e, m.x);
    for (int64_t i = 0; i < m.R() * m.K(); ++i) {
      if (m.expert.read<int64_t>()[i] != e) continue;
      const float weight = m.weight.read<float>()[i], *from = all.read<float>() + i / m.K() * C;
      for (int64_t c = 0; c < C; ++c) to[i / m.K() * C + c] += weight * from[c];
    }
  }
  return y;
}

}  // namespace camo::ladder
