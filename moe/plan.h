// Plan: the B * K pairs (image, expert) sorted by expert, so that each expert sees its images as one slice.
//
//   expert   (B, K)        2 0 | 0 1 | 2 1
//   order    by expert     1 2 | 3 5 | 0 4       pair numbers, stable: an expert's images keep their order
//   source   order / K     0 1 | 1 2 | 0 2       the image in each packed row
//   begin    (E + 1)       0     2     4     6
//   position (B, K)        4 0 | 1 2 | 5 3       the packed row of each pair: the inverse of order
//
// Everything is made by sorting and counting; only begin is read by the host, E + 1 integers.  The
// permutation idea is that of Gale, Narayanan, Young, Zaharia 2022, "MegaBlocks", arXiv:2211.15841.
#pragma once

#include "tensor/tensor.h"

namespace camo::moe {

struct Plan {
  Tensor source;               // (B * K) i64: rows of x, for gather_rows
  Tensor position;             // (B, K) i64: packed rows, for combine_rows
  std::vector<int64_t> begin;  // (E + 1): expert e owns packed rows [begin[e], begin[e + 1])

  std::vector<int64_t> load() const;  // (E): how many rows each expert has
};

/// expert (B, K) i64 in [0, experts).
Plan make_plan(const Tensor& expert, int64_t experts);

}  // namespace camo::moe
