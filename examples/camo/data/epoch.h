// What a training epoch feeds: which photographs in which order, at what size, and how they are changed.
//
// All of it is a function of seed, epoch and place, so that a resumed run and any number of workers get the same.  A
// visit is a photograph at a place of the epoch.  Visit i < n is photograph i of n; visit k n + i is its k-th repeat,
// which draws changes of its own.
#pragma once

#include "examples/camo/data/augment.h"

namespace camo::program {

/// The visits of an epoch, one for each of the n photographs, shuffled.  If more than `empty_share` of them have an
/// empty mask, some of these, drawn anew in every epoch, make way for repeats of the others.  The
/// numbers of their repeats differ by at most one.  DataError if there are no others.
std::vector<int64_t> visits(const std::vector<bool>& empty, double empty_share, uint64_t seed, int64_t epoch);

/// Whether the mask of each photograph is empty, as far as that is known.
std::vector<bool> empty_masks(const Dataset& data);
/// "2 of 40 training masks are empty: ...", with what comes of it; "" if none is.
std::string empty_masks_note(const Dataset& data, double empty_share);

/// The size of the photographs in this step of the epoch.
ImageSize size_of_step(ImageSize size, const AugmentSettings& settings, uint64_t seed, int64_t epoch, int64_t step);

/// The photograph of a visit, cut and with its change drawn.
RawSample sample_of(const Dataset& data, int64_t visit, ImageSize size, const AugmentSettings& settings, uint64_t seed,
                    int64_t epoch);

}  // namespace camo::program
