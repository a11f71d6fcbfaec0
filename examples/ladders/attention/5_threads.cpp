// Rung 5: blocks of queries go to all threads.  A query reads all keys and writes its own row, so nothing is shared but what
// nobody writes.
#include "examples/ladders/attention/tile.h"
#include "tensor/parallel.h"

namespace camo::ladder {

void attention_5_threads(const Attention& a) {
  const Packed packed(a);
  parallel_chunks(a.N, 64, [&](int64_t begin, int64_t end) { attention_rows(a, packed, begin, end); });
}

}  // namespace camo::ladder
