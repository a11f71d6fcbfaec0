// Rung 5: blocks of rows go to all threads.  A row of y is written by one of them; the rows of x at an edge are read by two.
#include "examples/ladders/depthwise/depthwise.h"
#include "tensor/parallel.h"

namespace camo::ladder {

void depthwise_5_threads(const Depthwise& d) {
  parallel_chunks(d.H, 8, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) depthwise_row(d, i);
  });
}

}  // namespace camo::ladder
