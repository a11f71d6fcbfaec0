// Sorting integers on the device, for sort orders and for adjoints that gather.
#pragma once

#include "tensor/memory/scratch.h"
#include "tensor/tensor.h"

namespace camo::cuda {

/// Sets order[0 .. n) to the stable ascending order of the keys.
void sort(Cuda where, const int64_t* key, int64_t n, int64_t* order);

/// The positions of each value in an index, ascending: value r is at order[begin[r]] ... order[begin[r + 1] - 1], for r
/// in [0, rows).  Values outside [0, rows) are not listed.
struct Inverse {
  Scratch<int64_t> order, begin;
  Inverse(Cuda where, const Tensor& index, int64_t rows);
};

}  // namespace camo::cuda
