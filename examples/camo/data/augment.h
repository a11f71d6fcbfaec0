// From a decoded picture to what the network reads: crop, resize, rotate, flip, recolour, normalise.
//
// Augmentation is a pure function of its key (seed, index, epoch): the number of workers, their order and a restart do
// not change it.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/options/options.h"
#include "tensor/random.h"

namespace camo::program {

/// The random change of one picture.
struct Augmentation {
  double top = 0, left = 0, height = 1, width = 1;  // the crop, in shares of the picture
  double angle = 0;                                 // radians
  bool flip = false;                                // left and right
  double brightness = 1, contrast = 1, saturation = 1;
};
Augmentation draw(const RandomKey& key);

/// The host's share of the change: crops and resizes (antialiased).  prepare() does the rest, which is noted.
RawSample cut(const Picture& picture, ImageSize size, const Augmentation& change);
/// The whole change: crops, resizes (the mask is cut at its half), turns about the centre with mirrored borders, flips,
/// recolours, and subtracts ImageNet's mean and divides by its deviation.
Sample transform(const Picture& picture, ImageSize size, const Augmentation& change);

/// Resizes and normalises only: for validation and prediction.
Sample plain(const Picture& picture, ImageSize size);
/// The same of a photograph without a mask, u8 (H, W, 3) -> f32 (h, w, 3).
Tensor normalised(const Tensor& image, ImageSize size);

}  // namespace camo::program
