// Rung 4: blocks of rows go to all threads.
#include "examples/ladders/softmax/softmax.h"
#include "tensor/parallel.h"

namespace camo::ladder {

void softmax_4_threads(const Softmax& s) {
  parallel_chunks(s.rows, 64, [&](int64_t begin, int64_t end) { softmax_rows(s, begin, end); });
}

}  // namespace camo::ladder
