// Sorting whole numbers on the device: for orders, and for adjoints that gather.
#pragma once

#include "cuda/tools/scratch.cuh"
#include "tensor/tensor.h"

namespace camo::cuda {

/// order[0 .. n) becomes the stable ascending order of the keys.
void sort(Cuda where, const int64_t* key, int64_t n, int64_t* order);

/// Where each value of an index occurs, ascending: value r at order[begin[r]] ... order[begin[r + 1] - 1], for r in
/// [0, rows).  Other values are in no list.
struct Inverse {
  Scratch<int64_t> order, begin;
  Inverse(Cuda where, const Tensor& index, int64_t rows);
};

}  // namespace camo::cuda
