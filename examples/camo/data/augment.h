// From a decoded picture to the network's input: crop, resize, rotate, flip, recolour, normalise.
//
// Augmentation is a pure function of its key (seed, index, epoch), so it does not depend on the number of workers, the
// order of the items, or restarts.
#pragma once

#include "examples/camo/data/dataset.h"
#include "examples/camo/data/loader.h"
#include "examples/camo/options/options.h"
#include "tensor/random.h"

namespace camo::program {

/// The random change of one picture.
struct Augmentation {
  double top = 0, left = 0, height = 1, width = 1;  // the crop, as fractions of the picture
  double angle = 0;                                 // radians
  bool flip = false;                                // left to right
  double brightness = 1, contrast = 1, saturation = 1;
};
Augmentation draw(const RandomKey& key);

/// The part that runs on the host: crops and resizes (antialiased).  prepare() does the rest.
RawSample cut(const Picture& picture, ImageSize size, const Augmentation& change);
/// All of it: crops, resizes (the mask is thresholded at one half), rotates about the centre with mirrored borders,
/// flips, recolours, normalises.
Sample transform(const Picture& picture, ImageSize size, const Augmentation& change,
                 const Normalisation& normalisation = {});

/// Resizes and normalises only: for validation and prediction.
Sample plain(const Picture& picture, ImageSize size, const Normalisation& normalisation = {});
/// The same for a photograph without a mask, u8 (H, W, 3) -> f32 (h, w, 3).
Tensor normalised(const Tensor& image, ImageSize size, const Normalisation& normalisation = {});

}  // namespace camo::program
