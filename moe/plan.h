// Plan: the B * K pairs (image, expert) sorted by expert, so that the images of an expert are one contiguous slice.
//
//   expert   (B, K)        2 0 | 0 1 | 2 1
// pair indices; the sort is stable, so an expert's images keep their order
//   source   order / K     0 1 | 1 2 | 0 2       the image in each packed row
//   begin    (E + 1)       0     2     4     6
//   position (B, K)        4 0 | 1 2 | 5 3       the packed row of each pair: the inverse of order
//
// Everything is computed by sorting and counting on the device; the host reads only begin, E + 1 integers.  The
// permutation follows Gale, Narayanan, Young, Zaharia 2022, "MegaBlocks", arXiv:2211.15841.
#pragma once

#include "tensor/tensor.h"

namespace camo::moe {

struct Plan {
  Tensor source;               // (B * K) i64: rows of x, for gather_rows
  Tensor position;             // (B, K) i64: packed rows, for combine_rows
  std::vector<int64_t> begin;  // (E + 1): expert e owns packed rows [begin[e], begin[e + 1])

  std::vector<int64_t> load() const;  // (E): the number of rows of each expert
};

/// expert (B, K) i64 in [0, experts).
Plan make_plan(const Tensor& expert, int64_t experts);

}  // namespace camo::moe
