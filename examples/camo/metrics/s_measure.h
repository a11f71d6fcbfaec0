// S-measure: does the map have the structure of the mask?
//
//   S = max(0, (S_o + S_r) / 2)
//
// S_o looks at the object and the background as wholes: each should be bright (dark) and even.  S_r cuts the picture
// at the object's centroid into four blocks and compares map and mask in each by a simple structural similarity.
// All sums run over histograms of the blocks, counted in one pass.
// Source: Fan, Cheng, Liu, Li, Borji 2017, "Structure-measure: a new way to evaluate foreground maps".
//
// Where rounding decides in the authors' formula, and in PySODMetrics, this follows exact arithmetic: a block
// without pixels (centroid in the last row or column) adds 0, there it makes S not-a-number; a block that is
// constant in map and mask has no variance, there the mean of equal numbers may be off by its rounding.
#pragma once

#include "examples/camo/metrics/map_and_mask.h"

namespace camo::program {

double s_measure(const GreyPair& pair);

}  // namespace camo::program
