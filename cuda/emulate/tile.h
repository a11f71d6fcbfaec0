// The bodies of cuda/tools/tile.cuh without a GPU.
//
// The lanes of a warp deposit what they hold; the last one to come computes for all.  An asynchronous copy poisons its target at once and
// lands when its thread waits for its group, so that a missing wait, a missing commit or a wrong count reads NaN.
#pragma once

#include "cuda/emulate/device.h"

namespace camo::emulate {

void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Place place = here());
/// count: 2 or 4 matrices; row: this lane's address; turned: .trans.
void load_matrix(uint32_t* out, int count, const void* row, bool turned, Place place = here());
/// 16 bytes; from null: zeros.
void copy_async(void* to, const void* from, Place place = here());
void commit_copies();
/// Lands the copies of all but the last `left` groups of this thread.
void wait_copies(int left);

}  // namespace camo::emulate
