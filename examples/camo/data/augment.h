// From a decoded picture to what the network reads: crop, resize, rotate, flip, recolour, normalise.
//
// Augmentation is a pure function of its key (seed, index, epoch): no worker count, order or restart changes
// it.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/options/options.h"
#include "tensor/random.h"

namespace camo::program {

/// What was drawn for one picture.
struct Drawn {
  double top = 0, left = 0, height = 1, width = 1;  // the crop, in shares of the picture
  double angle = 0;                                 // radians
  bool flip = false;                                // left and right
  double brightness = 1, contrast = 1, saturation = 1;
};
Drawn draw(const RandomKey& key);

/// The part of it that is done on the host: crops and resizes (antialiased); the rest is noted for prepare().
RawSample cut(const Picture& picture, ImageSize size, const Drawn& drawn);
/// All of it: crops, resizes (the mask is cut at its half), turns about the centre with mirrored borders, flips,
/// recolours, and subtracts ImageNet's mean and divides by its deviation.
Sample transform(const Picture& picture, ImageSize size, const Drawn& drawn);

/// The same without any change: for validation and prediction.
Sample plain(const Picture& picture, ImageSize size);
/// Only the photograph, u8 (H, W, 3) -> f32 (h, w, 3).
Tensor normalised(const Tensor& image, ImageSize size);

}  // namespace camo::program
