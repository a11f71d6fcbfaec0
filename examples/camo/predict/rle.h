// Masks as run lengths, as the COCO data set stores them (Lin et al. 2014, "Microsoft COCO: common objects in context",
// arXiv:1405.0312; the format is described in its tools' documentation).
//
// Pixels are read column by column, each from top to bottom.  The runs alternate between background and object and
// begin with background, perhaps with a run of 0.  The text `counts` holds them as follows.  From the fourth run on,
// what is written is the difference to the run two places before.  A number is cut into groups of 5 bits, the lowest
// first, in two's complement, as few as keep its value and sign; a sixth bit says that another group follows.  Each
// group is one character: 48 plus its six bits.
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace camo::program {

/// The runs of a mask u8 (H, W, 1); values that are not 0 are the object.  Throws ShapeError, DTypeError.
std::vector<int64_t> run_lengths(const Tensor& mask);
/// The mask u8 (height, width, 1), 255 in the object.  DataError unless the runs sum to height * width.
Tensor mask_of_runs(const std::vector<int64_t>& runs, int64_t height, int64_t width);

std::string to_counts(const std::vector<int64_t>& runs);
/// DataError for a text that to_counts cannot have written.
std::vector<int64_t> parse_counts(const std::string& counts);

}  // namespace camo::program
