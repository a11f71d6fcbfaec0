// Rung 4: blocks of rows go to all threads.  Memory is shared, so two threads need not be twice as fast.
#include "examples/ladders/norm/norm.h"
#include "tensor/parallel.h"

namespace camo::ladder {

void norm_4_threads(const Norm& n) {
  parallel_chunks(n.rows, 128, [&](int64_t begin, int64_t end) { norm_rows(n, begin, end); });
}

}  // namespace camo::ladder
