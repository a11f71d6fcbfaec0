// The ladder of softmax, forward: y = e^(x - m) / sum of e^(x - m) in each row of C numbers, m the row's largest.
//
// Every number is read and written once, 8 bytes, but an exponential takes about 20 operations: it depends on the rung whether memory
// or arithmetic is the bound.
#pragma once

#include <cstdint>

namespace camo::ladder {

struct Softmax {
  int64_t rows, C;
  const float* x;
  float* y;
};

void softmax_1_twice(const Softmax& s);
void softmax_2_kept(const Softmax& s);
void softmax_3_vectors(const Softmax& s);
void softmax_4_threads(const Softmax& s);

/// Rows [begin, end) as rung 3 computes them.
void softmax_rows(const Softmax& s, int64_t begin, int64_t end);

}  // namespace camo::ladder
