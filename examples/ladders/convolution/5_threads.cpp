// Rung 5: blocks of tiles, whose transformed numbers stay in the second cache, and blocks to all threads.
//
// 44 tiles of 64 channels have 36 x 44 x 128 numbers, 0.8 MB in and out.  The cuts depend on sizes alone.
#include "examples/ladders/convolution/convolution.h"
#include "tensor/parallel.h"

namespace camo::ladder {

void convolution_5_threads(const Convolution& c) {
  const WinogradWeights weights(c);
  parallel_chunks(winograd_tiles(c), 44, [&](int64_t begin, int64_t end) { winograd(c, weights, begin, end); });
}

}  // namespace camo::ladder
