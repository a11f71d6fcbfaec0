// Rung 7: blocks of rows go to all threads.
//
// A block writes rows of its own and reads the packed B of all.  Its size is fixed, so the cuts, and with them the bits, are
// the same for any number of threads.
#include "examples/ladders/product/packed.h"
#include "tensor/parallel.h"

namespace camo::ladder {

void product_7_threads(const Product& p) {
  constexpr int64_t kBlock = 8 * kTileRows;
  const Packed packed(p);
  parallel_chunks(p.M, kBlock, [&](int64_t begin, int64_t end) { product_block(p, packed.numbers, begin, end); });
}

}  // namespace camo::ladder
